"""The documents of a job by their ids, tokenized once and kept on disk."""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core.errors import InvalidArgumentError, RerankError
from rerank_core.jobs.parts import make_durable
from rerank_core.jobs.rows import check_unicode
from rerank_core.records.record import BadRow, Record
from rerank_core.records.texts import read_texts
from rerank_core.request import texts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from rerank_core.jobs.files import InputFiles
    from rerank_core.reranker import Reranker

__all__ = ["Corpus", "read_queries"]

_CHUNK = 2048  # documents that are tokenized together
_NAMES = 500  # ids that are looked up together


class Corpus:
    """Token ids of documents by document id, in a file of SQLite.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._database = _read_only(path)

    @classmethod
    def kept(
        cls, path: Path, files: InputFiles, rank_fields: Sequence[str], reranker: Reranker
    ) -> Corpus:
        """Give the corpus that is kept in a file, made first if it is not there.

        Raises:
            InvalidArgumentError: The file is there and holds something else.
        """
        made_of = {
            "files": files.fingerprints(),
            "rank_fields": list(rank_fields),
            "tokenizer": reranker.tokenizer.fingerprint,
        }
        if not path.exists():
            _build(path, files, rank_fields, reranker, made_of)
        found = _made_of(path)
        for key, wanted in made_of.items():
            if found.get(key) != wanted:
                raise InvalidArgumentError(
                    f"{path} keeps a corpus whose {key} were {found.get(key)!r}, not {wanted!r}; delete it or "
                    "give another file"
                )
        return cls(path)

    def bad(self) -> Iterator[BadRow]:
        """Give what of the corpus could not be used."""
        for (fault,) in self._database.execute("SELECT fault FROM bad ORDER BY rowid"):
            yield BadRow(**json.loads(fault))

    def tokens_of(self, names: list[str]) -> list[bytes]:
        """Give the token ids, int32, of each document.

        Raises:
            InvalidArgumentError: A document is not in the corpus.
        """
        found: dict[str, bytes] = {}
        for start in range(0, len(names), _NAMES):
            some = names[start : start + _NAMES]
            places = ",".join("?" * len(some))
            found.update(
                self._database.execute(
                    f"SELECT id, tokens FROM documents WHERE id IN ({places})",  # noqa: S608
                    some,
                )
            )
        missing = [name for name in names if name not in found]
        if missing:
            named = ", ".join(map(repr, missing[:5])) + (", ..." if len(missing) > 5 else "")  # noqa: PLR2004
            raise InvalidArgumentError(
                f"{len(missing)} of {len(names)} candidates are not in the corpus: {named}"
            )
        return [found[name] for name in names]

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


def read_queries(files: InputFiles) -> tuple[dict[str, str], list[BadRow]]:
    """Give the text of each query by its id, and what could not be used."""
    queries: dict[str, str] = {}
    bad = []
    for record in _texts(files):
        if isinstance(record, BadRow):
            bad.append(record)
        elif not isinstance(record.value.get("text"), str):
            bad.append(_fault(record, "a query needs a 'text'"))
        elif record.value["id"] in queries:
            bad.append(_fault(record, f"query id {record.value['id']!r} came before"))
        else:
            queries[record.value["id"]] = record.value["text"]
    return queries, bad


def _texts(files: InputFiles) -> Iterator[Record | BadRow]:
    for file in files.files:
        with files.reading(file) as stream:
            yield from read_texts(stream, file.name, file.suffix)


def _fault(record: Record, reason: str) -> BadRow:
    return BadRow(record.file, record.line, record.original, reason)


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _made_of(path: Path) -> dict[str, Any]:
    try:
        with contextlib.closing(_read_only(path)) as database:
            ((said,),) = database.execute("SELECT said FROM made_of")
    except (sqlite3.DatabaseError, ValueError) as error:
        raise InvalidArgumentError(f"{path} is no corpus that a job keeps: {error}") from error
    return dict(json.loads(said))


def _build(
    path: Path,
    files: InputFiles,
    rank_fields: Sequence[str],
    reranker: Reranker,
    made_of: dict[str, Any],
) -> None:
    draft = path.with_name(path.name + ".tmp")
    draft.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as database:
        # Whatever is cut short is made again from the start: the file gets its name when it is whole.
        database.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;"
            "CREATE TABLE documents (id TEXT PRIMARY KEY, tokens BLOB NOT NULL) WITHOUT ROWID;"
            "CREATE TABLE bad (fault TEXT NOT NULL);"
            "CREATE TABLE made_of (said TEXT NOT NULL);"
        )
        faults = _insert(database, _texts(files), list(rank_fields), reranker)
        database.executemany("INSERT INTO bad VALUES (?)", faults)
        database.execute("INSERT INTO made_of VALUES (?)", [json.dumps(made_of)])
        database.execute("COMMIT")
    make_durable(draft, path)


def _insert(
    database: sqlite3.Connection,
    records: Iterable[Record | BadRow],
    rank_fields: list[str],
    reranker: Reranker,
) -> Iterator[tuple[str]]:
    """Tokenize and keep documents; give what could not be used."""

    def told(bad: BadRow) -> tuple[str]:
        return (json.dumps(asdict(bad)),)

    records = iter(records)
    while chunk := list(itertools.islice(records, _CHUNK)):
        good: list[Record] = []
        texts: list[str] = []
        for record in chunk:
            if isinstance(record, BadRow):
                yield told(record)
                continue
            try:
                (text,) = texts_of([record.value], rank_fields, None)
                check_unicode(text, "the document")
                check_unicode(record.value["id"], "the id")
            except RerankError as error:
                yield told(_fault(record, error.message))
                continue
            good.append(record)
            texts.append(text)
        encoded = reranker.encode_documents(texts)
        for index, record in enumerate(good):
            tokens = np.ascontiguousarray(encoded[index]).tobytes()
            done = database.execute(
                "INSERT INTO documents VALUES (?, ?) ON CONFLICT DO NOTHING",
                (record.value["id"], tokens),
            )
            if not done.rowcount:
                yield told(_fault(record, f"document id {record.value['id']!r} came before"))
