"""Every figure by name: `python -m benchmarks` lists them, `python -m benchmarks NAME ...` measures them again.

A name may be a shell pattern: `"peers: tiny*"`. Each row takes at most a few minutes and replaces its own
part of benchmarks/results; `--only-missing` leaves rows whose result is there already.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import time
from fnmatch import fnmatch
from pathlib import Path

from benchmarks import growth, suite, workloads

ROOT = Path(__file__).parents[1]
EXPORT = "build/export-env/bin/python"
HERE = sys.executable


def rows() -> dict[str, list[str]]:
    """Give the command of each row."""
    found = {
        "passages: ours and the batching policies of peers": [
            HERE,
            "-m",
            "benchmarks.throughput",
            "5",
        ],
        "plan: what a batch should hold": [HERE, "-m", "benchmarks.plan"],
        "overhead: outside the model": [HERE, "-m", "benchmarks.overhead"],
        "memory: 1,000 long documents": [HERE, "-m", "benchmarks.memory"],
        "tokenizing": [HERE, "-m", "benchmarks.tokenizing", str(suite.DATA)],
        "preparing: rewrites and ways to int8": [EXPORT, "-m", "benchmarks.preparing"],
        "startup: import, first score, install size": [HERE, "-m", "benchmarks.startup"],
    }
    for name in growth.SERIES:
        found[f"growth: {name}"] = [HERE, "-m", "benchmarks.growth", name]
    for shape in reversed(workloads.SHAPES):
        for work in suite.WORKLOADS:
            found[f"peers: {shape}, {work}"] = [HERE, "-m", "benchmarks.peers", shape, work]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="rows, or patterns of their names")
    parser.add_argument("--all", action="store_true", help="every row")
    parser.add_argument(
        "--quick", action="store_true", help="every row of peers and growth, briefly"
    )
    parser.add_argument("--alone", default="", help="a command that each row is run through")
    arguments = parser.parse_args()
    found = rows()
    patterns = ["*"] if arguments.all else arguments.names
    chosen = [name for name in found if any(fnmatch(name, pattern) for pattern in patterns)]
    if not chosen:
        print("\n".join(found))
        return 1 if patterns else 0
    failed = 0
    for name in chosen:
        start = time.perf_counter()
        print(f"## {name}", flush=True)
        command = [*shlex.split(arguments.alone), *found[name]]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        failed += status != 0
        print(f"## {name}: status {status}, {time.perf_counter() - start:.0f} s", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
