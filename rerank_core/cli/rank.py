"""`rerank-core rank QUERY [FILE]`."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rerank_core.cli.options import add_scoring_options, rank_fields, raw_scores, reranker_options
from rerank_core.errors import InvalidArgumentError
from rerank_core.reranker import Reranker

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rerank_core.results import RerankResult

__all__ = ["add_rank"]


def add_rank(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    rank = commands.add_parser(
        "rank",
        help="rank documents for a query",
        description="Rank documents for a query: a table on a terminal, JSON lines in a pipe.",
    )
    rank.set_defaults(run=_rank)
    rank.add_argument("query", metavar="QUERY")
    rank.add_argument(
        "file", metavar="FILE", nargs="?", default="-", help="default: standard input"
    )
    rank.add_argument(
        "--format",
        choices=("auto", "lines", "jsonl", "json"),
        default="auto",
        help="plain lines, JSON lines, or one JSON array; default: by the first character",
    )
    rank.add_argument("--top-n", type=int, metavar="N", help="default: all")
    add_scoring_options(rank)
    output = rank.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="JSON lines on a terminal too")
    output.add_argument("--table", action="store_true", help="a table in a pipe too")


def _rank(arguments: argparse.Namespace) -> None:
    documents = _read_documents(arguments.file, arguments.format)
    fields = rank_fields(arguments)
    with Reranker(
        arguments.model, raw_scores=raw_scores(arguments), **reranker_options(arguments)
    ) as reranker:
        result = reranker.rerank(
            arguments.query,
            documents,
            top_n=arguments.top_n,
            rank_fields=fields,
            truncate=arguments.truncate,
        )
    if arguments.table or (sys.stdout.isatty() and not arguments.json):
        _print_table(result, fields)
    else:
        for hit in result.data:
            print(json.dumps(hit.to_dict(), ensure_ascii=False))
    if result.truncated:
        named = ", ".join(map(str, result.truncated[:10]))
        more = ", ..." if len(result.truncated) > 10 else ""  # noqa: PLR2004
        print(
            f"rerank-core: {len(result.truncated)} of {len(documents)} documents were truncated to "
            f"the model's limit: {named}{more}",
            file=sys.stderr,
        )


def _read_documents(name: str, form: str) -> list[Any]:
    where = "standard input" if name == "-" else name
    if name == "-" and sys.stdin is None:
        raise InvalidArgumentError("standard input is closed")
    data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    lines = []
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            lines.append((number, line.decode("utf-8-sig" if number == 1 else "utf-8")))
        except UnicodeDecodeError as error:
            raise InvalidArgumentError(f"{where}, line {number}: not UTF-8: {error}") from error
    lines = [(number, line) for number, line in lines if line.strip()]
    if not lines:
        raise InvalidArgumentError(f"{where} holds no documents")
    if form == "auto":
        form = {"[": "json", "{": "jsonl"}.get(lines[0][1].lstrip()[0], "lines")
    if form == "lines":
        return [line for _, line in lines]
    if form == "jsonl":
        return [_parsed(line, f"{where}, line {number}") for number, line in lines]
    documents = _parsed("\n".join(line for _, line in lines), where)
    if not isinstance(documents, list):
        raise InvalidArgumentError(
            f"{where} must hold a JSON array, not {type(documents).__name__}; for JSON lines use "
            "--format jsonl, for plain lines --format lines"
        )
    return documents


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (RecursionError, ValueError) as error:
        raise InvalidArgumentError(
            f"{where}: not JSON: {error}; for plain lines use --format lines"
        ) from error


def _print_table(result: RerankResult, fields: Sequence[str]) -> None:
    """Print what was ranked by, beside each document's id, or its line in the input."""
    rows = []
    for hit in result.data:
        if isinstance(hit.document, str):
            rows.append((str(hit.index), _one_line(hit.document)))
        else:
            name = _one_line(str(hit.document.get("id", hit.index)))
            rows.append((name, _one_line(" | ".join(hit.document[field] for field in fields))))
    name_width = max(len("document"), *(len(name) for name, _ in rows))
    width = max(20, shutil.get_terminal_size().columns - name_width - 18)
    print(f"{'rank':>4} {'score':>9}  {'document':<{name_width}}  text")
    for place, (hit, (name, text)) in enumerate(zip(result.data, rows, strict=True), start=1):
        line = text if len(text) <= width else text[: width - 3] + "..."
        print(f"{place:>4} {hit.score:>9.4f}  {name:<{name_width}}  {line}")


def _one_line(text: str) -> str:
    """Give text without line breaks, or anything else that a terminal would obey."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
