"""Every figure by name: `python -m benchmarks` lists them, `python -m benchmarks NAME ...` measures them again.

A name may be a pattern: `"peers: tiny*"`. A row takes a few minutes at most and replaces its own part of
benchmarks/results. `make report` brings the results into the documents.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import time
from fnmatch import fnmatch
from pathlib import Path

from benchmarks import growth, peers, suite, workloads

ROOT = Path(__file__).parents[1]
EXPORT = "build/export-env/bin/python"


def rows() -> dict[str, list[str]]:
    """Give the command of each row."""

    def here(module: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", f"benchmarks.{module}", *arguments]

    found = {
        f"peers: {shape}, {work}": here("peers", shape, work, "--seconds", "75")
        for shape in workloads.SHAPES
        for work in suite.WORKLOADS
    }
    found |= {f"growth: {name}": here("growth", name) for name in growth.SERIES}
    return {
        **found,
        "startup: import, first score, memory, installed files": here("startup"),
        "idle: what idle peers cost": here("idle"),
        "policies: ways to batch, on one graph": here("throughput", "5"),
        "plan: what a batch should hold": here("plan"),
        "overhead: time outside the model": here("overhead"),
        "memory: 1,000 long documents": here("memory"),
        "tokenizing: text to ids": here("tokenizing", str(suite.DATA)),
        "preparing: rewrites and ways to int8": [EXPORT, "-m", "benchmarks.preparing"],
        "quick: three workloads with peers": here(
            "peers", peers.TINY, "passages", "titles", "64 callers of 10", "--seconds", "30"
        ),
    }


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
