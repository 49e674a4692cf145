"""The micro benchmarks of this tree beside those of another commit, in one run: `make bench-compare`.

Run as `python -m benchmarks.compare BASE [ROUNDS]`. BASE is checked out and built in a worktree of its own,
and times the benchmarks of this tree with its own library. Rounds alternate between the two, each in a
process of its own; a ratio is of one round. Rows of Python and of other libraries show what is chance.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import harness

ROOT = Path(__file__).parents[1]
TREE = ROOT / "build/bench-base"
SECONDS = 0.2  # of a benchmark in a round
MARGIN = 0.05  # a change is told where three quarters of the rounds are further off than this,
CONTROLS = ("python]", "library]")  # and than any row that runs nothing of what is compared


def prepare(base: str) -> str:
    """Check out and build a commit in `TREE`, and give it the benchmarks of this tree."""
    commit = _run("git", "rev-parse", "--verify", f"{base}^{{commit}}").strip()
    if (TREE / ".git").exists():
        _run("git", "checkout", "--quiet", "--force", "--detach", commit, cwd=TREE)
    else:
        _run("git", "worktree", "prune")
        _run("git", "worktree", "add", "--quiet", "--detach", str(TREE), commit)
    for tree in (TREE, ROOT):
        _run(sys.executable, "setup.py", "-q", "build_ext", "--inplace", cwd=tree)
    for folder in ("benchmarks", "tests"):
        shutil.rmtree(TREE / folder, ignore_errors=True)
        shutil.copytree(ROOT / folder, TREE / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return commit


def times(tree: Path, *, must_pass: bool) -> dict[str, float]:
    """Give the fastest run of each benchmark, in seconds: what disturbs a run only adds to it.

    Without must_pass those that fail are left out: they may ask for what an older library lacks.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "result.json")
        command = [sys.executable, "-m", "pytest", "-q", "benchmarks", "--benchmark-only"]
        command += [f"--benchmark-json={out}", f"--benchmark-max-time={SECONDS}"]
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
        if (must_pass and done.returncode) or not out.exists() or not out.stat().st_size:
            raise RuntimeError(f"{tree}: the benchmarks fail:\n{done.stdout}{done.stderr}")
        result = json.loads(out.read_text())
    core = Path(result["machine_info"]["core"])
    if core.parents[1] != tree:
        raise RuntimeError(f"{tree}: the benchmarks ran {core}, which is another build")
    return {row["fullname"].rpartition("/")[2]: row["stats"]["min"] for row in result["benchmarks"]}


def summarize(rounds: list[tuple[dict[str, float], dict[str, float]]]) -> dict[str, dict[str, Any]]:
    """Give each benchmark's ratio, this tree's time through the base's, over rounds of (ours, base's)."""
    ratios = {
        name: harness.summary([ours[name] / base[name] for ours, base in rounds])
        for name in rounds[0][0]
        if all(name in base for _, base in rounds)
    }
    chance = [abs(r["median"] - 1) for name, r in ratios.items() if name.endswith(CONTROLS)]
    margin = max([MARGIN, *chance])
    rows = {}
    for name in rounds[0][0]:
        ratio, verdict = ratios.get(name), ""
        if ratio is None:
            verdict = "not in the base"
        elif ratio["q1"] > 1 + margin:
            verdict = "slower"
        elif ratio["q3"] < 1 - margin:
            verdict = "faster"
        seconds = harness.summary([ours[name] for ours, _ in rounds])["median"]
        rows[name] = {"seconds": seconds, "ratio": ratio, "verdict": verdict}
    return rows


def table(rows: dict[str, dict[str, Any]]) -> str:
    width = max(map(len, rows))
    lines = [f"{'':<{width}}  {'this tree':>10}  times the base's"]
    for name, row in rows.items():
        line = f"{name:<{width}}  {1e3 * row['seconds']:>7.3f} ms"
        if row["ratio"]:
            ratio = "  {median:.2f}x ({q1:.2f} to {q3:.2f})".format(**row["ratio"])
            line += f"{ratio:<24}"
        lines.append(f"{line}  {row['verdict']}".rstrip())
    return "\n".join(lines)


def _run(*command: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} in {cwd}: {done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    base, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7
    commit = prepare(base)
    machine = harness.machine()
    rounds = [(times(ROOT, must_pass=True), times(TREE, must_pass=False)) for _ in range(count)]
    print(table(summarize(rounds)))
    print(
        f"\n{count} rounds, median and quartiles; {machine['commit']} beside {base} ({commit[:7]}); "
        f"{machine['cpu']}, load {machine['load_before']} before"
    )


if __name__ == "__main__":
    main()
