"""Files of judged collections: BEIR's and MS MARCO's texts, TREC's runs and judgments."""

from __future__ import annotations

import gzip
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from rerank_core.errors import InvalidArgumentError
from rerank_core.records import runs, texts
from rerank_core.records.lines import numbered_lines
from rerank_core.records.record import BadRow

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Container, Iterable, Iterator, Sequence

__all__ = ["Run", "ordered", "read_qrels", "read_run", "read_texts", "write_run"]

Run = Mapping[str, Mapping[str, float]]
"""Score by document id by query id. Higher is better; equal scores rank in the order of the mapping."""

_Item = TypeVar("_Item")

# Number of columns: which are the document's and the judgment's. The query's is the first.
_QRELS = {4: (2, 3), 3: (1, 2)}  # TREC's; BEIR's
_HEADS = ("score", "relevance", "rel", "label")  # above a column of judgments


def ordered(scores: Mapping[str, float]) -> list[str]:
    """Give the documents of a query, best first; equal scores keep their order."""
    return sorted(scores, key=scores.__getitem__, reverse=True)


def read_texts(
    path: str | os.PathLike[str],
    wanted: Container[str] | None = None,
    *,
    fields: Sequence[str] = ("text",),
) -> dict[str, str]:
    """Read texts by id: JSON lines with "_id" or "id" (BEIR's); in a .tsv, id and text (MS MARCO's).

    Args:
        path: The file; a .gz is decompressed.
        wanted: Ids to keep; None keeps all.
        fields: Fields of an object that make its text, joined by a space; those it lacks are passed over.

    Raises:
        InvalidArgumentError: The file is missing or broken, or an id comes twice; names the line.

    Example:
        >>> from rerank_core.eval import read_texts
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "corpus.jsonl")
        >>> _ = path.write_text('{"_id": "d1", "title": "Sky", "text": "It is blue."}')
        >>> read_texts(path, fields=["title", "text"])
        {'d1': 'Sky It is blue.'}
    """
    suffix = next((each for each in reversed(Path(path).suffixes) if each != ".gz"), "")
    found: dict[str, str] = {}
    seen = set()
    for record in _good(path, lambda lines: texts.read_texts(lines, str(path), suffix)):
        where, name = f"{path}, line {record.line}", record.value["id"]
        if name in seen:
            raise InvalidArgumentError(f"{where}: the id {name!r} comes a second time")
        seen.add(name)
        if wanted is None or name in wanted:
            found[name] = _joined(record.value, fields, where)
    return found


def read_qrels(path: str | os.PathLike[str]) -> dict[str, dict[str, int]]:
    """Read judgments: TREC's four columns, or query, document and judgment (BEIR's), with a head or not.

    Args:
        path: The file, columns apart by white space; a .gz is decompressed.

    Returns:
        Judgment by document id by query id.

    Raises:
        InvalidArgumentError: The file is missing, broken or empty, or judges a document twice.

    Example:
        >>> from rerank_core.eval import read_qrels
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "qrels.txt")
        >>> _ = path.write_text("q1 0 d7 2")
        >>> read_qrels(path)
        {'q1': {'d7': 2}}
    """
    qrels: dict[str, dict[str, int]] = {}
    is_first = True
    for number, line in _good(path, lambda lines: numbered_lines(lines, str(path))):
        where = f"{path}, line {number}"
        columns = line.split()
        if len(columns) not in _QRELS:
            raise InvalidArgumentError(
                f"{where}: must hold query, document and judgment (TREC's four columns, or BEIR's three), "
                f"got {len(columns)} columns: {line.strip()[:80]!r}"
            )
        document, place = _QRELS[len(columns)]
        is_head, is_first = is_first and columns[place].lower() in _HEADS, False
        if is_head:
            continue
        judgment = _finite(columns[place], where)
        if judgment != int(judgment):
            raise InvalidArgumentError(
                f"{where}: a judgment must be a whole number, got {judgment}"
            )
        _put(qrels, columns[0], columns[document], int(judgment), where)
    if not qrels:
        raise InvalidArgumentError(f"{path} holds no judgments")
    return qrels


def read_run(path: str | os.PathLike[str]) -> dict[str, dict[str, float]]:
    """Read a ranking: TREC's six columns; query, document, rank and score; or the first three of these.

    Args:
        path: The file, columns apart by white space, with a head or not; a .gz is decompressed.

    Returns:
        Score by document id by query id, in the order of the file; minus the rank where there is no score.

    Raises:
        InvalidArgumentError: The file is missing, broken or empty, has a document twice for a query, or
            a score that is not finite.

    Example:
        >>> from rerank_core.eval import read_run
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "bm25.trec")
        >>> _ = path.write_text("q1 Q0 d7 1 12.5 bm25")
        >>> read_run(path)
        {'q1': {'d7': 12.5}}
    """
    run: dict[str, dict[str, float]] = {}
    for line in _good(path, lambda lines: runs.read_run(lines, str(path))):
        where = f"{path}, line {line.number}"
        score = line.score
        if score is None:
            if line.rank is None:
                raise InvalidArgumentError(f"{where}: has neither a rank nor a score")
            score = -line.rank
        _put(run, line.query, line.document, _finite(score, where), where)
    if not run:
        raise InvalidArgumentError(f"{path} holds no ranking")
    return run


def write_run(path: str | os.PathLike[str], run: Run, *, tag: str = "rerank-core") -> None:
    """Write a ranking as TREC's six columns: query, "Q0", document, rank, score, tag.

    trec_eval sorts by score alone and breaks ties by the document's id, so equal scores are written one
    step of float32 apart, in the order that they have here.

    Args:
        path: The file; a .gz is compressed.
        run: The ranking.
        tag: Names the system that made it.

    Raises:
        InvalidArgumentError: A tag or an id is empty or holds white space, which this format cannot hold.

    Example:
        >>> from rerank_core.eval import write_run
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "ours.trec")
        >>> write_run(path, {"q1": {"d7": 0.5, "d8": 2.0}}, tag="ours")
        >>> print(path.read_text(), end="")
        q1 Q0 d8 1 2.0 ours
        q1 Q0 d7 2 0.5 ours
    """
    for what, names in (
        ("tag", [tag]),
        ("query", run),
        ("document", {d for q in run for d in run[q]}),
    ):
        for name in names:
            if name.split() != [name]:
                raise InvalidArgumentError(f"the {what} {name!r} holds white space, or nothing")
    with _opener(path)(path, "wt", encoding="utf-8") as file:
        for query, scores in run.items():
            score = np.float32(np.inf)
            for rank, document in enumerate(ordered(scores), start=1):
                below = np.nextafter(score, np.float32(-np.inf))
                score = min(np.float32(scores[document]), below)
                file.write(f"{query} Q0 {document} {rank} {score!s} {tag}\n")


def _opener(path: str | os.PathLike[str]) -> Callable[..., Any]:
    return gzip.open if Path(path).suffix == ".gz" else open


def _good(
    path: str | os.PathLike[str], read: Callable[[Iterable[bytes]], Iterable[_Item | BadRow]]
) -> Iterator[_Item]:
    """Give what a reader finds in a file; the first that it cannot use is an error."""
    try:
        with _opener(path)(path, "rb") as file:
            for item in read(file):
                if isinstance(item, BadRow):
                    raise InvalidArgumentError(f"{path}, line {item.line}: {item.reason}")
                yield item
    except OSError as error:
        raise InvalidArgumentError(f"{path} cannot be read: {error}") from error


def _finite(number: str | float, where: str) -> float:
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidArgumentError(f"{where}: {number!r} must be a finite number")
    return value


def _put(
    table: dict[str, dict[str, Any]], query: str, document: str, value: Any, where: str
) -> None:
    row = table.setdefault(query, {})
    if document in row:
        raise InvalidArgumentError(
            f"{where}: document {document!r} comes a second time for query {query!r}"
        )
    row[document] = value


def _joined(value: Mapping[str, Any], fields: Sequence[str], where: str) -> str:
    parts = [value[field] for field in fields if value.get(field) is not None]
    if not parts or not all(isinstance(part, str) for part in parts):
        raise InvalidArgumentError(
            f"{where}: must have strings as {' or '.join(map(repr, fields))}"
        )
    text = " ".join(parts).strip()
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(f"{where}: the text has no UTF-8 form: {error}") from error
    return text
