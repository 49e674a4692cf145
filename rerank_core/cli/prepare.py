"""`rerank-core prepare MODEL OUT`, `rerank-core calibrate DIR`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from rerank_core.models.prepare import Prepared, calibrate, prepare

if TYPE_CHECKING:
    import argparse

__all__ = ["add_calibrate", "add_prepare"]


def add_prepare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    command = commands.add_parser(
        "prepare",
        help="make a model fast, and prove that it ranks the same",
        description="Export a model if need be, rewrite its graph, bring it to a precision, compare it "
        "with what it was made from, and write a directory that Reranker loads.",
    )
    command.set_defaults(run=_prepare)
    command.add_argument(
        "model", metavar="MODEL", help="a directory, checkpoint or graph, or a hub id"
    )
    command.add_argument("out", metavar="OUT", help="the directory to make")
    command.add_argument("--precision", choices=("fp32", "int8", "fp16"), default="fp32")
    command.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    command.add_argument("--revision", help="branch, tag or commit of a hub id")
    command.add_argument(
        "--without", action="append", default=[], metavar="REWRITE", help="leave a rewrite out"
    )
    command.add_argument(
        "--reduce-range",
        action="store_true",
        default=None,
        help="keep int8 weights to 7 bits, for x86 without VNNI; default: as this processor needs",
    )
    command.add_argument(
        "--tolerance",
        type=float,
        metavar="X",
        help="largest difference of a logit; default: by the precision",
    )
    command.add_argument("--json", action="store_true", help="one JSON object instead of tables")


def _prepare(arguments: argparse.Namespace) -> None:
    prepared = prepare(
        arguments.model,
        arguments.out,
        precision=arguments.precision,
        device=arguments.device,
        revision=arguments.revision,
        without=arguments.without,
        reduce_range=arguments.reduce_range,
        tolerance=arguments.tolerance,
    )
    if arguments.json:
        said = {
            "directory": str(prepared.directory),
            "rewrites": [asdict(r) for r in prepared.rewrites],
        }
        print(json.dumps({**said, "verification": prepared.verification.to_dict()}))
        return
    _print_table(prepared)
    print(f"{prepared.directory} is ready: Reranker({str(prepared.directory)!r})", file=sys.stderr)


def _print_table(prepared: Prepared) -> None:
    print(f"{'rewrite':<14} {'nodes':>13}  largest difference of a logit")
    for rewrite in prepared.rewrites:
        before, after = rewrite.nodes
        print(f"{rewrite.name:<14} {before:>5} -> {after:>4}  {rewrite.max_difference:.1e}")
    print()
    print(prepared.verification.to_text())


def add_calibrate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    command = commands.add_parser(
        "calibrate",
        help="find how a prepared model runs fastest on a device",
        description="Try packed and padded rows, sizes of batches, how many run at once and recordings of small "
        "ones on the device that is here, and keep the fastest in the directory's rerank_core.json.",
    )
    command.set_defaults(run=_calibrate)
    command.add_argument("directory", metavar="DIR", help="a directory that `prepare` made")
    command.add_argument(
        "--device", default="cuda", help="cpu, cuda or cuda:N; default: %(default)s"
    )
    command.add_argument("--json", action="store_true", help="one JSON object a line")


def _calibrate(arguments: argparse.Namespace) -> None:
    trials = calibrate(arguments.directory, device=arguments.device)
    if not arguments.json:
        head = f"{'rows':<7} {'token budget':>12} {'in flight':>9} {'captured':>8}"
        print(f"{head} {'documents':>9} {'pairs/s':>9}")
    for trial in trials:
        if arguments.json:
            print(json.dumps(asdict(trial)))
            continue
        rows = "packed" if trial.packed else "padded"
        in_flight = trial.batches_in_flight or "default"
        how = f"{rows:<7} {trial.token_budget:>12} {in_flight:>9} {trial.captured_tokens:>8}"
        print(f"{how} {trial.documents:>9} {trial.pairs_per_second:>9.0f}")
