"""Files of judged collections: BEIR's and MS MARCO's texts, TREC's runs and judgments."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core.errors import InvalidArgumentError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Container, Iterator, Sequence

__all__ = ["Run", "ordered", "read_qrels", "read_run", "read_texts", "write_run"]

Run = Mapping[str, Mapping[str, float]]
"""Score by document id by query id. Higher is better; equal scores rank in the order of the mapping."""

# Number of columns: which are the document's and the number's. The query's is the first.
_QRELS = {4: (2, 3), 3: (1, 2)}  # TREC's; BEIR's
_RUNS = {6: (2, 4), 4: (1, 3), 3: (1, 2)}  # TREC's; the same without the constants; MS MARCO's
_HEADS = ("score", "relevance", "rel", "label", "rank")  # above a column of numbers


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
    read = _tabbed if ".tsv" in Path(path).suffixes else _object
    texts: dict[str, str] = {}
    seen = set()
    for where, line in _lines(path):
        name, said = read(line, where)
        if name in seen:
            raise InvalidArgumentError(f"{where}: the id {name!r} comes a second time")
        seen.add(name)
        if wanted is None or name in wanted:
            texts[name] = _joined(said, fields, where)
    return texts


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
    wanted = "query, document and judgment (TREC's four columns, or BEIR's three)"
    for where, query, document, judgment, _ in _rows(path, _QRELS, wanted):
        if judgment != int(judgment):
            raise InvalidArgumentError(
                f"{where}: a judgment must be a whole number, got {judgment}"
            )
        _put(qrels, query, document, int(judgment), where)
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
    wanted = "query, document, rank and score (TREC's six columns, or these four)"
    for where, query, document, number, columns in _rows(path, _RUNS, wanted):
        _put(run, query, document, -number if columns == min(_RUNS) else number, where)
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


def _lines(path: str | os.PathLike[str]) -> Iterator[tuple[str, str]]:
    """Give the lines that hold anything, each with the name of its place."""
    try:
        with _opener(path)(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                where = f"{path}, line {number}"
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise InvalidArgumentError(f"{where}: not UTF-8: {error}") from error
                if text.strip():
                    yield where, text
    except (EOFError, OSError, zlib.error) as error:
        raise InvalidArgumentError(f"{path} cannot be read: {error}") from error


def _rows(
    path: str | os.PathLike[str], shapes: Mapping[int, tuple[int, int]], wanted: str
) -> Iterator[tuple[str, str, str, float, int]]:
    """Give place, query, document, number and count of columns of each line."""
    for i, (where, line) in enumerate(_lines(path)):
        columns = line.split()
        if len(columns) not in shapes:
            raise InvalidArgumentError(
                f"{where}: must hold {wanted}, got {len(columns)} columns: {line.strip()[:80]!r}"
            )
        document, number = shapes[len(columns)]
        if i == 0 and columns[number].lower() in _HEADS:
            continue
        try:
            value = float(columns[number])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InvalidArgumentError(
                f"{where}: column {number + 1} must be a finite number, got {columns[number]!r}"
            )
        yield where, columns[0], columns[document], value, len(columns)


def _put(
    table: dict[str, dict[str, Any]], query: str, document: str, value: Any, where: str
) -> None:
    row = table.setdefault(query, {})
    if document in row:
        raise InvalidArgumentError(
            f"{where}: document {document!r} comes a second time for query {query!r}"
        )
    row[document] = value


def _tabbed(line: str, where: str) -> tuple[str, str]:
    name, tab, text = line.rstrip("\r\n").partition("\t")
    if not tab or not name:
        raise InvalidArgumentError(f"{where}: must hold an id, a tab and a text")
    return name, text


def _object(line: str, where: str) -> tuple[str, dict[str, Any]]:
    try:
        said = json.loads(line)
    except (RecursionError, ValueError) as error:
        raise InvalidArgumentError(f"{where}: not JSON: {error}") from error
    name = said.get("_id", said.get("id")) if isinstance(said, dict) else None
    if not isinstance(name, (str, int)) or isinstance(name, bool):
        raise InvalidArgumentError(f'{where}: must be an object with an "_id" or "id", a string')
    return str(name), said


def _joined(said: str | dict[str, Any], fields: Sequence[str], where: str) -> str:
    parts = (
        [said] if isinstance(said, str) else [said[f] for f in fields if said.get(f) is not None]
    )
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
