"""`rerank-core verify DIR`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from rerank_core.models.verify import verify

if TYPE_CHECKING:
    import argparse

__all__ = ["add_verify"]


def add_verify(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    command = commands.add_parser(
        "verify",
        help="check a model against what it was made from",
        description="Score built-in pairs of many lengths and languages with a model, and compare with "
        "the checkpoint or graph that it was made from. Exit status 1 if a figure is outside its "
        "tolerance.",
    )
    command.set_defaults(run=_verify)
    command.add_argument("directory", metavar="DIR", help="a model directory, or 'bundled'")
    command.add_argument(
        "--against",
        metavar="ORIGINAL",
        help="a PyTorch checkpoint (needs torch and transformers) or a model directory; default: only "
        "what the directory says of itself",
    )
    command.add_argument(
        "--references", metavar="FILE", help="JSON of published scores to compare with, too"
    )
    command.add_argument(
        "--model-name",
        metavar="OWNER/NAME",
        help="what the model is called there; default: what it was made from, or the directory's name",
    )
    command.add_argument("--precision", choices=("fp32", "fp16", "int8"))
    command.add_argument(
        "--tolerance",
        type=float,
        metavar="X",
        help="largest difference of a logit; default: by the precision of the graph",
    )
    command.add_argument("--no-speed", action="store_true", help="do not look at speed and memory")
    command.add_argument("--json", action="store_true", help="one JSON object instead of a table")


def _verify(arguments: argparse.Namespace) -> int:
    verification = verify(
        arguments.directory,
        arguments.against,
        references=arguments.references,
        model_name=arguments.model_name,
        precision=arguments.precision,
        tolerance=arguments.tolerance,
        speed=not arguments.no_speed,
    )
    if arguments.json:
        print(json.dumps(verification.to_dict(), ensure_ascii=False))
    else:
        print(verification.to_text())
    for failure in verification.failures:
        print(f"rerank-core: {verification.path}: {failure}", file=sys.stderr)
    return 0 if verification.passed else 1
