"""`rerank-core eval [DIR] --run RUN`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rerank_core.errors import InvalidArgumentError
from rerank_core.eval import (
    MEASURES,
    evaluate,
    parse_measures,
    read_collection,
    read_run,
    rerank_run,
    write_run,
)
from rerank_core.reranker import Reranker

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from rerank_core.eval import Collection, Run

__all__ = ["add_eval"]


def add_eval(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    command = commands.add_parser(
        "eval",
        help="measure how well models rerank a judged collection",
        description="Rerank a first stage's run of a judged collection with one or more models, measure "
        "all of them, and say whether the differences could be chance.",
    )
    command.set_defaults(run=_eval)
    command.add_argument(
        "directory",
        metavar="DIR",
        nargs="?",
        help="BEIR's layout: corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv, plain or .gz",
    )
    command.add_argument(
        "--run",
        dest="first_stage",
        metavar="RUN",
        required=True,
        help="what is reranked, as TREC's file",
    )
    for name, said in (
        ("corpus", "texts of the documents: JSON lines, or a .tsv"),
        ("queries", "texts of the queries, the same"),
        ("qrels", "the judgments: TREC's columns or BEIR's"),
    ):
        command.add_argument(f"--{name}", metavar="FILE", help=f"{said}; default: in DIR")
    command.add_argument("--split", default="test", help="which judgments of DIR; default: test")
    command.add_argument(
        "--fields",
        default="title,text",
        metavar="A,B",
        help="fields of a document; default: title,text",
    )
    command.add_argument(
        "--depth", type=int, metavar="K", help="documents of each query that count; default: all"
    )
    command.add_argument(
        "--model",
        action="append",
        help="'bundled', a model directory or a hub id; once for each model; default: bundled, where "
        "no --also-run is given",
    )
    command.add_argument(
        "--precision",
        action="append",
        choices=("fp32", "fp16", "int8"),
        help="of each model's graph; once for each precision to compare",
    )
    command.add_argument(
        "--also-run", action="append", default=[], metavar="RUN", help="a ranking to compare, too"
    )
    command.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    command.add_argument(
        "--threads", type=int, metavar="N", help="default: the CPUs of this process"
    )
    command.add_argument("--max-length", type=int, metavar="N", help="default: the model's limit")
    command.add_argument(
        "--measure",
        action="append",
        metavar="M",
        help=f"as ir_measures names it; once for each; default: {', '.join(MEASURES)}",
    )
    command.add_argument(
        "--relevant",
        type=int,
        default=1,
        metavar="N",
        help="lowest judgment that is relevant to measures without gains; default: 1",
    )
    command.add_argument(
        "--write-run",
        metavar="FILE",
        help="keep the reranked run of the only model, as TREC's file",
    )
    command.add_argument("--tag", default="rerank-core", help="of that file; default: rerank-core")
    command.add_argument("--per-query", action="store_true", help="every query's figures, too")
    command.add_argument("--json", action="store_true", help="one JSON object instead of tables")


def _eval(arguments: argparse.Namespace) -> None:
    measures = arguments.measure or MEASURES
    parse_measures(measures, relevant=arguments.relevant)  # before hours of scoring
    models = _models(arguments)
    if arguments.write_run and len(models) != 1:
        raise InvalidArgumentError(f"--write-run keeps one model's run, not {len(models)}")
    if arguments.write_run and not Path(arguments.write_run).resolve().parent.is_dir():
        raise InvalidArgumentError(f"--write-run {arguments.write_run}: there is no such folder")
    collection = read_collection(
        arguments.directory,
        run=arguments.first_stage,
        corpus=arguments.corpus,
        queries=arguments.queries,
        qrels=arguments.qrels,
        split=arguments.split,
        fields=[field.strip() for field in arguments.fields.split(",")],
        depth=arguments.depth,
    )
    runs: dict[str, Run] = {path: read_run(path) for path in arguments.also_run}
    for name, (model, precision) in models.items():
        runs[name] = _rerank(arguments, name, model, precision, collection)
        if arguments.write_run:
            write_run(arguments.write_run, runs[name], tag=arguments.tag)
    found = evaluate(collection, runs, measures=measures, relevant=arguments.relevant)
    if arguments.json:
        print(json.dumps(found.to_dict(per_query=arguments.per_query), ensure_ascii=False))
    else:
        print(found.to_text(per_query=arguments.per_query))


def _models(arguments: argparse.Namespace) -> dict[str, tuple[str, str | None]]:
    """Give model and precision by the name that the tables show."""
    models = arguments.model or ([] if arguments.also_run else ["bundled"])
    precisions = arguments.precision or [None]
    names = [
        (model if len(precisions) == 1 else f"{model} {precision}", (model, precision))
        for model in models
        for precision in precisions
    ]
    given = [*(name for name, _ in names), *arguments.also_run]
    if len(set(given)) < len(given):
        raise InvalidArgumentError(f"name each model and run once, not {', '.join(given)}")
    return dict(names)


def _rerank(
    arguments: argparse.Namespace,
    name: str,
    model: str,
    precision: str | None,
    collection: Collection,
) -> Run:
    with Reranker(
        model,
        device=arguments.device,
        precision=precision,
        threads=arguments.threads,
        max_length=arguments.max_length,
    ) as reranker:
        shown = _show(name) if sys.stderr.isatty() else None
        return rerank_run(reranker, collection, on_progress=shown)


def _show(name: str) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        end = "\n" if done == total else ""
        print(f"\r{name}: {done:,} of {total:,} pairs", end=end, file=sys.stderr, flush=True)

    return show
