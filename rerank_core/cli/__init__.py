"""The command line, `rerank-core COMMAND`: one file for each command."""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rerank_core
from rerank_core.cli.eval import add_eval
from rerank_core.cli.job import add_job
from rerank_core.cli.models import add_models
from rerank_core.cli.prepare import add_calibrate, add_prepare
from rerank_core.cli.rank import add_rank
from rerank_core.cli.serve import add_serve
from rerank_core.cli.verify import add_verify
from rerank_core.errors import RerankError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program's name; None takes the process's own.

    Returns:
        The exit status: 0, 1 for an error that was printed or a model that did not pass, 130 after
        Ctrl-C.
    """
    arguments = _parser().parse_args(argv)
    if sys.stdout is None:  # closed by the caller
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What the terminal cannot show, a lone surrogate say, is no reason to stop.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status: int | None = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (RerankError, OSError) as error:
        print(f"rerank-core: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rerank-core", description="Rank documents for a query with a cross-encoder."
    )
    parser.add_argument("--version", action="version", version=rerank_core.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_rank(commands)
    add_job(commands)
    add_models(commands)
    add_prepare(commands)
    add_calibrate(commands)
    add_verify(commands)
    add_eval(commands)
    add_serve(commands)
    return parser
