"""A row of a job: one query with its documents, checked; or a bad row, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rerank_core.errors import InvalidArgumentError, RerankError
from rerank_core.records.record import BadRow, Record
from rerank_core.request import checked_documents, checked_query, texts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from rerank_core.jobs.settings import Settings

__all__ = ["Row", "RowChecker", "check_unicode"]


@dataclass(frozen=True)
class Row:
    """One query with its documents.

    Attributes:
        record: Where it comes from.
        query_id: Its id, if it has one.
        query: Its text.
        documents: Strings and mappings as they came; None for candidates of a corpus.
        names: Id of each document, or None.
        content: Text of each document, or the int32 ids of its tokens as bytes.
    """

    record: Record
    query_id: str | int | None
    query: str
    documents: list[Any] | None
    names: list[Any]
    content: list[str] | list[bytes]

    def bad(self, reason: str) -> BadRow:
        """Give this row as one that cannot be scored."""
        return BadRow(self.record.file, self.record.line, self.record.original, reason)


class RowChecker:
    """Makes rows of records.

    Args:
        settings: Which fields hold what.
        queries: Text of each query by its id, where rows name only the id.
        tokens_of: Gives the token ids of documents, where rows name only their ids.
    """

    def __init__(
        self,
        settings: Settings,
        queries: Mapping[str, str] | None,
        tokens_of: Callable[[list[str]], list[bytes]] | None,
    ) -> None:
        self._settings = settings
        self._queries = queries
        self._tokens_of = tokens_of
        self._makes_run = settings.output_format == "trec"
        # In a run file a query's lines are told apart by its id alone.
        self._seen: set[str] | None = (
            set() if "trec" in (settings.input_format, settings.output_format) else None
        )

    def rows(self, records: Iterable[Record | BadRow]) -> Iterator[Row | BadRow]:
        """Check one record after another."""
        for record in records:
            if isinstance(record, BadRow):
                yield record
                continue
            try:
                yield self._row(record)
            except RerankError as error:
                yield BadRow(record.file, record.line, record.original, error.message)

    def _row(self, record: Record) -> Row:
        fields, value = self._settings.fields, record.value
        query_id = value.get(fields.query_id)
        if query_id is not None and (
            isinstance(query_id, bool) or not isinstance(query_id, (str, int))
        ):
            raise InvalidArgumentError(
                f"{fields.query_id} must be a string or a number, got {type(query_id).__name__}"
            )
        self._check_id(query_id)
        query = self._query(value, query_id)
        if self._tokens_of is None:
            documents = self._documents(value)
            content: list[str] | list[bytes] = texts_of(
                documents, list(self._settings.rank_fields), None
            )
            _check_all(content, "the document")
            names = [_name(document, fields.document_id) for document in documents]
        else:
            documents, names = None, self._candidates(value)
            content = self._tokens_of(names)
        if not names:
            raise InvalidArgumentError("documents must not be empty")
        check_unicode(query, "query")
        _check_all(names, "the id of the document")
        if self._makes_run:
            _check_names(names, fields.document_id)
        return Row(record, query_id, query, documents, names, content)

    def _check_id(self, query_id: str | int | None) -> None:
        check_unicode(query_id, self._settings.fields.query_id)
        if self._seen is None:
            return
        if self._makes_run and (query_id is None or not _is_word(str(query_id))):
            raise InvalidArgumentError(
                f"a run file needs a {self._settings.fields.query_id} without white space, got {query_id!r}"
            )
        if str(query_id) in self._seen:
            raise InvalidArgumentError(
                f"{self._settings.fields.query_id} {query_id!r} came before; in a run file the lines of a "
                "query stand together, once"
            )
        self._seen.add(str(query_id))

    def _query(self, value: Mapping[str, Any], query_id: str | int | None) -> str:
        field = self._settings.fields.query
        if value.get(field) is not None or self._queries is None:
            if field not in value:
                raise InvalidArgumentError(f"no field '{field}'; there are {_keys(value)}")
            return checked_query(value[field])
        if query_id is None:
            raise InvalidArgumentError(
                f"no field '{field}' or '{self._settings.fields.query_id}'; there are {_keys(value)}"
            )
        if str(query_id) not in self._queries:
            raise InvalidArgumentError(f"query {query_id!r} is not among the queries")
        return checked_query(self._queries[str(query_id)])

    def _documents(self, value: Mapping[str, Any]) -> list[Any]:
        fields = self._settings.fields
        if fields.documents in value:
            return checked_documents(value[fields.documents])
        if fields.document in value:
            return [value[fields.document]]
        if fields.candidates in value:
            raise InvalidArgumentError(
                f"'{fields.candidates}' are ids of a corpus, and none was given"
            )
        raise InvalidArgumentError(
            f"no field '{fields.documents}' or '{fields.document}'; there are {_keys(value)}"
        )

    def _candidates(self, value: Mapping[str, Any]) -> list[str]:
        field = self._settings.fields.candidates
        if field not in value:
            raise InvalidArgumentError(f"no field '{field}'; there are {_keys(value)}")
        candidates = checked_documents(value[field], field)
        for index, candidate in enumerate(candidates):
            if isinstance(candidate, bool) or not isinstance(candidate, (str, int)):
                raise InvalidArgumentError(
                    f"{field} must be ids, got {type(candidate).__name__} at index {index}"
                )
        return [str(candidate) for candidate in candidates]


def check_unicode(text: Any, what: str) -> None:
    """Raise where a string holds a lone surrogate, which JSON can write and UTF-8 cannot."""
    if isinstance(text, str) and not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidArgumentError(
                f"{what} holds the lone surrogate {text[error.start]!a} at position {error.start}, which has "
                "no UTF-8 form"
            ) from None


def _check_all(texts: list[Any], what: str) -> None:
    if all(text is None or (isinstance(text, str) and text.isascii()) for text in texts):
        return
    for index, text in enumerate(texts):
        check_unicode(text, f"{what} at index {index}")


def _name(document: Any, field: str) -> Any:
    return document.get(field) if not isinstance(document, str) else None


def _keys(value: Mapping[str, Any]) -> str:
    return ", ".join(f"'{key}'" for key in value) or "none"


def _is_word(text: str) -> bool:
    return len(text.split()) == 1 and text == text.strip()


def _check_names(names: list[Any], field: str) -> None:
    """Raise unless each document has an id that a run file can hold, once."""
    seen = set()
    for index, name in enumerate(names):
        if name is None or not _is_word(str(name)):
            raise InvalidArgumentError(
                f"a run file needs an '{field}' without white space for each document, got {name!r} at index {index}"
            )
        if str(name) in seen:
            raise InvalidArgumentError(f"document {name!r} is there twice")
        seen.add(str(name))
