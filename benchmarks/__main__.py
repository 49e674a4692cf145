"""Every figure by name: `python -m benchmarks` lists them, `python -m benchmarks NAME ...` measures them again.

A name may be a pattern: `"peers: tiny*"`. A row takes a few minutes at most and replaces its own part of
benchmarks/results. `make report` brings the results into the documents.
"""

from __future__ import annotations

import argparse
import ast
import re
import shlex
import subprocess
import sys
import time
from fnmatch import fnmatch
from pathlib import Path

from benchmarks import growth, peers, suite, workloads

ROOT = Path(__file__).parents[1]
# What is not run as `python -m benchmarks.MODULE`, in this environment.
SPECIAL: dict[str, tuple[str, tuple[str, ...]]] = {
    "preparing": ("build/export-env/bin/python", ()),
    "throughput": (sys.executable, ("5",)),
    "tokenizing": (sys.executable, (str(suite.DATA),)),
}


def rows() -> dict[str, list[str]]:
    """Give the command of each row; a module has one whose docstring begins by naming its result."""

    def here(module: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", f"benchmarks.{module}", *arguments]

    found = {
        f"peers: {shape}, {work}": here("peers", shape, work)
        for shape in workloads.SHAPES
        for work in suite.WORKLOADS
    }
    found |= {f"growth: {name}": here("growth", name) for name in growth.SERIES}
    quick = ("passages", "titles", "64 callers of 10", "--seconds", "30")
    found["quick: three workloads with peers"] = here("peers", peers.TINY, *quick)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        first = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
        told = re.fullmatch(r"(.+): results/\w+\.json\.", first)
        if told and path.stem not in {"peers", "growth"}:
            python, arguments = SPECIAL.get(path.stem, (sys.executable, ()))
            row = [python, "-m", f"benchmarks.{path.stem}", *arguments]
            found[f"{path.stem}: {told[1]}"] = row
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="rows, or patterns of their names")
    parser.add_argument("--alone", default="", help="a command that each row is run through")
    given = parser.parse_args()
    found = rows()
    if not given.names:
        print("\n".join(found))
        return 0
    for pattern in given.names:
        if not any(fnmatch(name, pattern) for name in found):
            parser.error(f"no row is named {pattern!r}; python -m benchmarks lists them")
    failed = 0
    for name in (name for name in found if any(fnmatch(name, each) for each in given.names)):
        start = time.perf_counter()
        command = [*shlex.split(given.alone), *found[name]]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        failed += status != 0
        print(f"## {name}: status {status}, {time.perf_counter() - start:.0f} s", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
