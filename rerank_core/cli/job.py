"""`rerank-core job INPUT... -o OUTPUT`."""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING, Any

from rerank_core.cli.options import add_scoring_options, rank_fields, raw_scores, reranker_options
from rerank_core.errors import InvalidArgumentError

if TYPE_CHECKING:
    import argparse

__all__ = ["add_job"]

_BAD_ROWS, _STOPPED = 3, 4
_FORMATS = ("jsonl", "parquet", "arrow", "trec")
_FIELDS = ("query", "query_id", "documents", "document", "candidates", "document_id")


def add_job(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    job = commands.add_parser(
        "job",
        help="score the pairs of files, and go on where an earlier run was cut short",
        description="Score millions of pairs from files (JSON lines, Parquet, Arrow, TREC runs) into a directory. "
        "Run the same command again after whatever stopped it.",
        epilog="Exit status: 0 all rows were scored; 1 an error; 3 some rows were bad; 4 too many were; 143 after "
        "SIGTERM, 130 after Ctrl-C.",
    )
    job.set_defaults(run=_job)
    job.add_argument("inputs", metavar="INPUT", nargs="+", help="files, patterns or URLs")
    job.add_argument("-o", "--output", metavar="DIR", required=True)
    job.add_argument("--corpus", metavar="FILE", nargs="+", help="documents by id")
    job.add_argument("--queries", metavar="FILE", nargs="+", help="queries by id")
    job.add_argument("--corpus-cache", metavar="FILE", help="keep the tokenized corpus there")
    job.add_argument("--from", dest="input_format", choices=_FORMATS, help="default: by the name")
    job.add_argument("--to", dest="output_format", choices=_FORMATS, help="default: as the input")
    job.add_argument("--compress", dest="compression", choices=("gz", "zst"))
    for field in _FIELDS:
        job.add_argument(f"--{field.replace('_', '-')}-field", metavar="NAME")
    order = job.add_mutually_exclusive_group()
    order.add_argument("--top-n", type=int, metavar="N", help="default: all, best first")
    order.add_argument("--input-order", action="store_true", help="every score, as the input is")
    job.add_argument("--return-documents", action="store_true")
    add_scoring_options(job)
    for name in ("max-pair-tokens", "max-tokens-per-doc", "max-chunks-per-doc"):
        job.add_argument(f"--{name}", type=int, metavar="N")
    job.add_argument("--tag", default="rerank-core", help="last column of a run file")
    job.add_argument("--part-pairs", type=int, default=20_000, metavar="N", help="default: 20000")
    job.add_argument("--strict", action="store_true", help="stop at the first bad row")
    job.add_argument(
        "--max-bad-share", type=float, default=0.5, metavar="X", help="stop beyond it; default: 0.5"
    )
    job.add_argument("--plot", metavar="FILE", help="a picture of pace and lengths (matplotlib)")
    job.add_argument(
        "--ray", metavar="ADDRESS", help="score on a Ray cluster; 'auto', 'local', ..."
    )
    job.add_argument("--actors", type=int, metavar="N", help="default: as it has CPUs for")
    job.add_argument("--quiet", action="store_true", help="no progress")
    job.add_argument("--json", action="store_true", help="the report as JSON")


def _job(arguments: argparse.Namespace) -> int:
    from rerank_core import jobs  # noqa: PLC0415  (other commands start without it)

    signal.signal(signal.SIGTERM, _terminated)
    fields = {name: getattr(arguments, f"{name}_field") for name in _FIELDS}
    try:
        report = jobs.run(
            arguments.inputs,
            arguments.output,
            fields=jobs.Fields(**{name: said for name, said in fields.items() if said}),
            rank_fields=rank_fields(arguments),
            raw_scores=raw_scores(arguments),
            progress=None if arguments.quiet else sys.stderr,
            reranker_options=reranker_options(arguments),
            **{name: getattr(arguments, name) for name in _PASSED_ON},
        )
    except jobs.BadRowsError as error:
        print(f"rerank-core: stopped: {error}", file=sys.stderr)
        return _STOPPED
    except ModuleNotFoundError as error:
        extra = {"ray": "ray", "matplotlib": "plot"}.get(str(error.name), "jobs")
        raise InvalidArgumentError(
            f'this needs {error.name}, which is not installed: pip install "rerank-core[{extra}]"'
        ) from error
    print(json.dumps(report.to_dict()) if arguments.json else report.to_text())
    return _BAD_ROWS if report.bad_rows or report.bad_texts else 0


_PASSED_ON = (
    "model",
    "corpus",
    "queries",
    "corpus_cache",
    "input_format",
    "output_format",
    "compression",
    "top_n",
    "input_order",
    "return_documents",
    "truncate",
    "max_pair_tokens",
    "max_tokens_per_doc",
    "max_chunks_per_doc",
    "tag",
    "part_pairs",
    "strict",
    "max_bad_share",
    "plot",
    "ray",
    "actors",
)


def _terminated(*_: Any) -> None:
    raise SystemExit(128 + signal.SIGTERM)
