"""Import, loading, a first score, and what must be installed, for each contender: results/startup.json.

Run as `python -m benchmarks.startup [STARTS]`, after `make peers`. Files are in the page cache, as after
a first start.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from benchmarks import harness, workloads
from benchmarks.baselines import CONTENDERS
from benchmarks.baselines.process import ROOT, WEIGHTS, ContenderError, Process, python_of
from benchmarks.peers import calibrate

SHAPE = "MiniLM-L6 (6 x 384)"
FIGURES = ("import_seconds", "load_seconds", "first_score_seconds", "loaded_mb", "loading_peak_mb")
# Files of the given packages and of all that these require, without what extras would add.
SIZE = """
import re, sys
from importlib.metadata import PackageNotFoundError, distribution
todo, seen, size = sys.argv[1:], set(), 0
while todo:
    name = re.split(r"[^A-Za-z0-9._-]", todo.pop().strip())[0].lower().replace("_", "-")
    if name in seen:
        continue
    seen.add(name)
    try:
        found = distribution(name)
    except PackageNotFoundError:
        continue  # for another system or Python
    size += sum(f.locate().stat().st_size for f in found.files or () if f.locate().is_file())
    todo += [each for each in found.requires or () if "extra ==" not in each]
print(size / 1e6)
"""


def install_mb(name: str) -> float:
    """Give the megabytes of a contender's packages and of what they require."""
    contender = CONTENDERS[name]
    packages = contender.packages or ()
    own = 0.0
    if not contender.environment:
        packages += ("rerank-core",)  # an editable install, whose files are in the checkout
        files = (ROOT / "rerank_core").rglob("*")
        own = sum(f.stat().st_size for f in files if f.is_file() and f.suffix != ".pyc") / 1e6
    command = [str(python_of(name)), "-c", SIZE, *packages]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(out.stdout) + own


def main() -> None:
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    weights = WEIGHTS / workloads.stem(workloads.SHAPES[SHAPE])
    calibrate(weights)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS}
    reasons: dict[str, str] = {}
    for _ in range(starts):
        for name in CONTENDERS.keys() - reasons.keys():
            try:
                with Process(name, weights) as process:
                    found[name].append(process.wait())
            except ContenderError as error:
                reasons[name] = str(error)
    result: dict[str, Any] = {"machine": harness.machine(), "shape": SHAPE, "contenders": {}}
    for name, rows in found.items():
        if name in reasons:
            result["contenders"][name] = {"reason": reasons[name]}
            continue
        row = result["contenders"][name] = {
            "versions": rows[0]["versions"],
            "install_mb": install_mb(name),
            **{
                each: harness.summary([r[each] for r in rows])
                for each in (*FIGURES, "start_seconds")
            },
        }
        print(
            f"{name:<27} import {row['import_seconds']['median']:5.2f} s, first score "
            f"{row['start_seconds']['median']:5.2f} s, {row['loaded_mb']['median']:5.0f} MB, "
            f"install {row['install_mb']:5.0f} MB",
            flush=True,
        )
    harness.write("startup", result)


if __name__ == "__main__":
    main()
