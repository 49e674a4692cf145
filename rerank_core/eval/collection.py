"""A judged collection: queries, documents, judgments, and the run that is reranked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rerank_core.errors import InvalidArgumentError
from rerank_core.eval.files import (
    Run,
    ordered,
    read_qrels,
    read_run,
    read_texts,
)
from rerank_core.request import checked_positive

if TYPE_CHECKING:
    import os
    from collections.abc import Container, Mapping, Sequence

__all__ = ["Collection", "read_collection"]


@dataclass(frozen=True)
class Collection:
    """Queries with judged documents, and what a first stage found for them.

    Attributes:
        name: What it is called.
        queries: Text by query id.
        documents: Text by document id.
        qrels: Judgment by document id by query id: relevant above 0.
        run: What the first stage found: score by document id by query id.

    Raises:
        InvalidArgumentError: No query of the run has a relevant document, or one that has lacks a text.

    Example:
        >>> from rerank_core.eval import Collection
        >>> collection = Collection(
        ...     "two documents",
        ...     queries={"q1": "why is the sky blue"},
        ...     documents={"d1": "Grass is green.", "d2": "Air scatters blue light."},
        ...     qrels={"q1": {"d2": 1}},
        ...     run={"q1": {"d1": 2.0, "d2": 1.0}},
        ... )
        >>> collection.judged
        {'q1': {'d2': 1}}
    """

    name: str
    queries: Mapping[str, str]
    documents: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, int]]
    run: Run

    def __post_init__(self) -> None:
        if not self.candidates:
            raise InvalidArgumentError(
                f"{self.name}: none of the {len(self.run)} queries of the run has a relevant document "
                f"in the judgments of {len(self.qrels)} queries; are their ids of the same collection?"
            )
        found = {document for scores in self.candidates.values() for document in scores}
        for what, ids, texts in (
            ("queries", self.candidates, self.queries),
            ("documents", found, self.documents),
        ):
            lost = sorted(set(ids) - texts.keys())
            if lost:
                raise InvalidArgumentError(
                    f"{self.name}: {len(lost)} of the {len(ids)} {what} of the run have no text, "
                    f"{lost[0]!r} first"
                )
        blank = [query for query in self.candidates if not self.queries[query].strip()]
        if blank:
            raise InvalidArgumentError(f"{self.name}: the text of query {blank[0]!r} is empty")

    @cached_property
    def judged(self) -> dict[str, dict[str, int]]:
        """Judgments of the queries that have a relevant document: those that figures are means over.

        Where nothing is relevant no ranking is better than another. Negative ones (spam, say) are 0.
        """
        return {
            query: {document: max(0, judgment) for document, judgment in judgments.items()}
            for query, judgments in self.qrels.items()
            if max(judgments.values(), default=0) > 0
        }

    @cached_property
    def candidates(self) -> Run:
        """What the first stage found for them."""
        return {query: self.run[query] for query in self.judged if self.run.get(query)}


def read_collection(
    directory: str | os.PathLike[str] | None = None,
    *,
    run: str | os.PathLike[str],
    corpus: str | os.PathLike[str] | None = None,
    queries: str | os.PathLike[str] | None = None,
    qrels: str | os.PathLike[str] | None = None,
    split: str = "test",
    fields: Sequence[str] = ("title", "text"),
    depth: int | None = None,
) -> Collection:
    """Read a judged collection; of its texts, only those that the run and the judgments need.

    Args:
        directory: BEIR's layout: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/SPLIT.tsv``, plain or
            .gz; also ``queries.SPLIT.jsonl``, ``qrels.SPLIT.tsv`` and ``qrels.tsv``. None takes all
            files from the other arguments.
        run: What a first stage found, see `read_run`.
        corpus: Texts of the documents, see `read_texts`; None looks in the directory.
        queries: Texts of the queries, the same.
        qrels: The judgments, see `read_qrels`; None looks in the directory.
        split: Which judgments of the directory.
        fields: Fields that make a document's text, joined by a space.
        depth: How many documents of each query to keep, best first; None keeps all.

    Raises:
        InvalidArgumentError: A file is missing or broken, or ids do not fit together; says where.

    Example:
        >>> from rerank_core.eval import read_collection
        >>> collection = read_collection(
        ...     "examples/judged", run="examples/judged/words.trec", corpus="examples/passages.jsonl"
        ... )
        >>> collection.name, len(collection.queries)
        ('judged', 10)
    """
    if depth is not None:
        checked_positive("depth", depth)
    judgments = read_qrels(
        qrels or _found(directory, "qrels", f"qrels/{split}.tsv", f"qrels.{split}.tsv", "qrels.tsv")
    )
    ranked = {
        query: {document: scores[document] for document in islice(ordered(scores), depth)}
        for query, scores in read_run(run).items()
    }
    wanted: Container[str] = {
        document for query in ranked if query in judgments for document in ranked[query]
    }
    return Collection(
        name=Path(directory or qrels or "").resolve().name,
        queries=read_texts(
            queries or _found(directory, "queries", f"queries.{split}.jsonl", "queries.jsonl"),
            judgments,
        ),
        documents=read_texts(
            corpus or _found(directory, "corpus", "corpus.jsonl"), wanted, fields=fields
        ),
        qrels=judgments,
        run=ranked,
    )


def _found(directory: str | os.PathLike[str] | None, argument: str, *names: str) -> Path:
    if directory is None:
        raise InvalidArgumentError(f"give either a directory or {argument}, the file")
    tried = [name + suffix for name in names for suffix in ("", ".gz")]
    for name in tried:
        if (path := Path(directory, name)).is_file():
            return path
    raise InvalidArgumentError(
        f"{directory} has no {' or '.join(names)}, plain or .gz; say where the file is with "
        f"{argument}"
    )
