"""Plots of committed results, as SVG beside the report; `make report` draws them.

Each file names the results it was drawn from by their digest, so that a stale one is seen without
drawing it again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import peer_tables, suite
from benchmarks.baselines import CONTENDERS, OURS
from benchmarks.harness import RESULTS, read

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent / "plots"
COLOURS = {"rerank-core fp32": "#c1121f", "rerank-core int8": "#f4845f"}
MARKS = "osv^D<>pX*hPd"


def _speed(pyplot: Any) -> Any:
    """Pairs per second on the first workload, defaults beside best settings."""
    work = next(iter(suite.WORKLOADS))
    found = {shape: row for shape, name, row in peer_tables.slices() if name == work}
    figure, axes = pyplot.subplots(1, len(found), figsize=(11, 4.8), squeeze=False)
    for axis, (shape, row) in zip(axes[0], found.items(), strict=True):
        names = [name for name, each in row["contenders"].items() if "timed" in each][::-1]
        for place, name in enumerate(names):
            each = row["contenders"][name]
            colour = COLOURS.get(name, "#577590")
            best = peer_tables.fastest(each)["pairs_per_second"]["median"]
            axis.barh(place, best, color=colour, alpha=0.45, height=0.72)
            axis.barh(
                place,
                each["timed"]["default"]["pairs_per_second"]["median"],
                color=colour,
                height=0.72,
            )
            label = f" {best:,.0f}" + ("" if each["is_same"] else " *")
            axis.text(best, place, label, va="center", fontsize=8)
        axis.set_yticks(range(len(names)), names, fontsize=8)
        axis.set_title(f"{shape}: {work}", fontsize=10)
        axis.set_xlabel("pairs per second: defaults, and pale the best settings")
        axis.margins(x=0.14)
        axis.spines[["top", "right"]].set_visible(False)
    figure.text(0.01, 0.01, "* scores differ from PyTorch's fp32 beyond the tolerance", fontsize=8)
    return figure


def _lengths(pyplot: Any) -> Any:
    """Tokens of the pairs of each workload."""
    found = {name: row for _, name, row in peer_tables.slices()}
    figure, axes = pyplot.subplots(2, 4, figsize=(11, 4.6))
    edges = suite.BINS[: suite.BINS.index(512) + 2]
    labels = [str(edge) for edge in edges[:-1]]
    for axis, name in zip(axes.flat, suite.WORKLOADS, strict=True):
        if name not in found:
            axis.set_visible(False)
            continue
        row = found[name]
        axis.bar(
            range(len(labels)),
            row["histogram"][: len(labels)],
            color="#577590",
            width=1,
            ec="white",
        )
        axis.set_title(f"{name}: {row['pairs']} pairs", fontsize=9)
        axis.set_xticks(range(len(labels)), labels, fontsize=6, rotation=60)
        axis.tick_params(axis="y", labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
    figure.supxlabel(
        "tokens of a pair as read (a bar starts at its label; a model reads 512)", fontsize=9
    )
    return figure


def _growth(pyplot: Any) -> Any:
    """Time and memory against each quantity, both axes logarithmic."""
    found = read("growth")
    figure, axes = pyplot.subplots(len(found), 2, figsize=(11, 3.6 * len(found)), squeeze=False)
    for (left, right), series in zip(axes, found.values(), strict=True):
        x: list[int] = []
        for contender, row in series["contenders"].items():
            points = row["points"]
            if not points:
                continue
            place = list(CONTENDERS).index(contender)
            style = {
                "marker": MARKS[place],
                "markersize": 4,
                "color": COLOURS.get(contender, f"C{place}"),
                "linewidth": 2.2 if contender == OURS else 1.2,
            }
            x = [point["point"] for point in points]
            slope = "" if row["slope"] is None else f", slope {row['slope']:.2f}"
            seconds = [point["seconds"]["median"] for point in points]
            left.plot(x, seconds, label=f"{contender}{slope}", **style)
            right.plot(x, [max(1.0, point["above_mb"]) for point in points], **style)
        for axis, label in ((left, "seconds"), (right, "MB above the loaded model")):
            axis.set_xscale("log")
            axis.set_yscale("log")
            axis.set_xlabel(series["unit"], fontsize=9)
            axis.set_ylabel(label, fontsize=9)
            axis.grid(visible=True, which="major", alpha=0.25)
            axis.spines[["top", "right"]].set_visible(False)
            axis.xaxis.set_major_formatter("{x:,.0f}")
            axis.xaxis.set_minor_formatter("")
        if len(x) == 2:  # or the axis would have one tick
            left.set_xticks(x)
            right.set_xticks(x)
        entries = left.get_legend_handles_labels()
        right.legend(
            *entries, fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5)
        )
    return figure


PLOTS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "speed": (_speed, "peers"),
    "lengths": (_lengths, "peers"),
    "growth": (_growth, "growth"),
}


def digest(name: str) -> str:
    """Give the digest of what a plot is drawn from: the results, and this file."""
    _, result = PLOTS[name]
    parts = ((RESULTS / f"{result}.json").read_bytes(), Path(__file__).read_bytes())
    return hashlib.sha256(b"".join(parts)).hexdigest()


def stale() -> list[str]:
    """Name the plots that were not drawn from the committed results."""
    return [name for name, (_, result) in PLOTS.items() if read(result) and not _is_fresh(name)]


def _is_fresh(name: str) -> bool:
    path = FOLDER / f"{name}.svg"
    return path.exists() and digest(name) in path.read_text()


def draw() -> None:
    """Draw what is stale."""
    if not stale():
        return
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    mpl.rcParams.update(
        {"svg.hashsalt": "rerank-core", "svg.fonttype": "none", "font.family": "sans-serif"}
    )
    FOLDER.mkdir(exist_ok=True)
    for name in stale():
        figure = PLOTS[name][0](plt)
        figure.tight_layout()
        about = {"Date": None, "Description": f"results {digest(name)}"}
        figure.savefig(FOLDER / f"{name}.svg", metadata=about)
        plt.close(figure)
