"""The tables of real peers, from committed results: into the README and REPORT.md by `make report`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks import suite
from benchmarks.baselines import CONTENDERS, OURS, REFERENCE
from benchmarks.harness import read
from benchmarks.tables import provenance, spread, table
from benchmarks.workloads import SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterator

OURS_INT8 = "rerank-core int8"
DOCUMENT = "benchmarks/REPORT.md"
TIE = 1.05
# Why a contender was as fast as our fp32, or faster, where one was.
CAUSES = {
    "CrossEncoder torch bf16": (
        "PyTorch multiplies bf16 in the processor's tiles (AMX), several times as fast as fp32; ONNX Runtime has no bf16 "
        "kernels on a CPU, so ours has none"
    ),
    "CrossEncoder OpenVINO": (
        "OpenVINO computes an fp32 model in bf16 by itself where the processor has it, and its scores differ accordingly"
    ),
    "CrossEncoder OpenVINO int8": (
        "int8 against fp32; its scales are fixed by calibration, so that whole batches run without a look at the activations first"
    ),
}


def slices() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give shape, workload and result of what has been measured, in the order of the suite."""
    found = read("peers")
    for shape in SHAPES:
        for name in suite.WORKLOADS:
            if name in found.get(shape, {}):
                yield shape, name, found[shape][name]


def fastest(found: dict[str, Any]) -> dict[str, Any]:
    """Give a contender's figures with the settings that were faster."""
    timed: list[dict[str, Any]] = list(found["timed"].values())
    return min(timed, key=lambda figures: figures["times_ours"]["median"])


def _said(figures: dict[str, Any]) -> str:
    """Name the settings that are not the defaults."""
    names = {"one_at_a_time": "one caller at a time"}
    settings: dict[str, Any] = figures["settings"]
    return ", ".join(names.get(key, f"{key} {value}") for key, value in settings.items())


def _timed(row: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: found for name, found in row["contenders"].items() if "timed" in found}


def _peers(row: dict[str, Any], *, exact: bool) -> dict[str, dict[str, Any]]:
    """Peers that compute in fp32 and give PyTorch's scores; or those of a lower precision."""
    return {
        name: found
        for name, found in _timed(row).items()
        if CONTENDERS[name].module != "ours"
        and (found["is_same"] if exact else not CONTENDERS[name].exact)
    }


def _ratio(found: dict[str, Any]) -> float:
    ratio: float = fastest(found)["times_ours"]["median"]
    return ratio


def _first(found: dict[str, dict[str, Any]], base: float = 1) -> str:
    """Say which was fastest, and how fast; where a row is so slow that none of them was timed, nothing."""
    times = {name: _ratio(each) / base for name, each in found.items()}
    if not times:
        return ""
    name = min(times, key=lambda each: times[each])
    return f"{times[name]:.1f}x {name}"


def speed() -> list[str]:
    """The README's table: what most users have, the best that others can do, and ours."""
    head = [
        "time of a request",
        "rerank-core fp32",
        f"{REFERENCE}, as it comes",
        "best fp32 peer, tuned",
        "rerank-core int8",
        "best bf16 or int8 peer, tuned, times our int8",
    ]
    rows = []
    for shape, name, row in slices():
        timed = _timed(row)
        int8 = timed[OURS_INT8]["timed"]["default"]["times_ours"]["median"]
        rows.append(
            [
                f"{shape}: {name}",
                spread(timed[OURS]["timed"]["default"]["seconds"], 0, " ms", 1e3),
                f"{timed[REFERENCE]['timed']['default']['times_ours']['median']:.1f}x",
                _first(_peers(row, exact=True)),
                f"{int8:.2f}x",
                _first(_peers(row, exact=False), int8),
            ]
        )
    _, _, first = next(slices())
    peaks = [
        f"{name} {found['peak_mb']:.0f} MB"
        for name, found in _timed(first).items()
        if name in {OURS, REFERENCE, "FlashRank", "CrossEncoder OpenVINO int8"}
    ]
    note = (
        "Real peers on the same weights (random, in the shapes of well-known models) and the same pairs, each in its own process; "
        "x: times rerank-core fp32, less than 1 is faster. Peak memory on the first row, model and libraries included: "
        f"{', '.join(peaks)}. {provenance(first)}. Everything else, settings and causes: "
        "[the report](benchmarks/REPORT.md). Reproduce with `make bench`."
    )
    return [*table(head, rows), "", note]


def verdict() -> list[str]:
    """Where a peer was faster than our fp32, and why; every one must have a cause."""
    faster: dict[str, list[str]] = {}
    count = 0
    for shape, name, row in slices():
        int8 = _timed(row)[OURS_INT8]["timed"]["default"]["times_ours"]["median"]
        for contender, found in _timed(row).items():
            if CONTENDERS[contender].module == "ours":
                continue
            count += 1
            ratio = fastest(found)["times_ours"]["median"]
            if ratio < TIE:
                place = f"{shape}, {name}: {ratio:.2f}x the time of our fp32, {ratio / int8:.2f}x of our int8"
                faster.setdefault(contender, []).append(place)
    said = (
        f"Of {count} comparisons (peers x workloads x shapes, each at its faster settings) these were ties with our fp32, within 5 %, "
        "or won by the peer:"
    )
    lines = [said, ""]
    for contender, places in faster.items():
        lines += [f"* **{contender}**: {CAUSES[contender]}.", *(f"  * {each}" for each in places)]
    return lines if faster else [*lines, "* none"]


def contenders() -> list[str]:
    """All that there is to say about each contender on the first workload."""
    lines: list[str] = []
    for shape, name, row in slices():
        if name != next(iter(suite.WORKLOADS)):
            continue
        rows = []
        for contender, found in row["contenders"].items():
            if "timed" not in found:
                continue
            default = found["timed"]["default"]
            best = found["timed"].get("best")
            rows.append(
                [
                    contender,
                    spread(default["seconds"], 0, " ms", 1e3),
                    spread(default["times_ours"], 2, "x"),
                    f"{spread(best['times_ours'], 2, 'x')} {_said(best)}" if best else "",
                    f"{fastest(found)['pairs_per_second']['median']:,.0f}",
                    f"{fastest(found)['tokens_per_second']['median']:,.0f}",
                    f"{default['cpu_seconds']['median']:.2f}",
                    f"{found['padding']:.2f}",
                    f"{found['peak_mb']:.0f} / {found['settled_mb']:.0f}",
                    f"{found['largest_logit_difference']:.0e}",
                    f"{found['top10_moved']:.0f}",
                ]
            )
        head = ["contender", "defaults", "times ours", "best settings, times ours", "pairs/s"]
        head += ["tokens/s", "CPU s", "padding", "MB, peak / after"]
        head += ["largest logit difference", "of the first 10, elsewhere"]
        lines += [f"**{shape}**, {row['rounds']} rounds, {provenance(row)}:", ""]
        lines += [*table(head, rows), ""]
    return lines[:-1]


def workloads() -> list[str]:
    """Times ours of each contender at its faster settings, on every workload."""
    lines: list[str] = []
    for shape in SHAPES:
        found = {name: row for each, name, row in slices() if each == shape}
        rows = [["rerank-core fp32, time"]]
        for row in found.values():
            rows[0].append(spread(_timed(row)[OURS]["timed"]["default"]["seconds"], 0, " ms", 1e3))
        for contender in list(CONTENDERS)[1:]:
            cells = [contender]
            for row in found.values():
                timed = _timed(row).get(contender)
                same = "" if timed is None or timed["is_same"] else " *"
                cells.append(f"{_ratio(timed):.1f}x{same}" if timed else "")
            rows.append(cells)
        lines += [*table([shape, *found], rows), ""]
    note = (
        "Each at its faster settings. *: scores differ from PyTorch's fp32 by more than the tolerance (the table below says "
        "by how much). Empty: not run on this workload, or not possible."
    )
    return [*lines, note]


def latencies() -> list[str]:
    """Percentiles of single requests, where there were enough of them."""
    rows = []
    for shape, name, row in slices():
        for contender, found in _timed(row).items():
            for figures in found["timed"].values():
                if "p95" in figures["latency_ms"]:
                    cells = [f"{ms:,.0f} ms" for ms in figures["latency_ms"].values()]
                    cells += [""] * (3 - len(cells))
                    rows.append([f"{shape}: {name}", contender, _said(figures), *cells])
    return table(["workload", "contender", "settings", "p50", "p95", "p99"], rows)


def differences() -> list[str]:
    """Contenders whose scores are not PyTorch's, and those that could not be run as asked."""
    worst: dict[str, list[str]] = {}
    for shape, name, row in slices():
        for contender, found in row["contenders"].items():
            if "reason" in found:
                worst.setdefault(contender, []).append(f"{shape}, {name}: {found['reason']}")
                continue
            if not found["is_same"]:
                worst.setdefault(contender, []).append(
                    f"{shape}, {name}: {found['largest_logit_difference']:.1e} "
                    f"({found['of_spread']:.2f} of the logits' spread), {found['top10_moved']:.1f} of the first ten elsewhere"
                )
            if "one_at_a_time_because" in found:
                because = found["one_at_a_time_because"]
                worst.setdefault(contender, []).append(
                    f"{shape}, {name}: fails when called from several threads ({because}); called one at a time instead"
                )
    lines = []
    for contender, said in worst.items():
        lines += [f"* **{contender}**", *(f"  * {each}" for each in said)]
    return lines or ["* none"]


def ours() -> list[str]:
    """Where our own time goes, and how near the machine's matrix products it is."""
    rows = []
    for shape, name, row in slices():
        for contender in (OURS, OURS_INT8):
            found = row["contenders"][contender]
            rate = row["gflop"]["prepared"] / found["timed"]["default"]["seconds"]["median"]
            kind = contender.split()[-1]
            shares = [
                f"{100 * found['shares'][part]:.0f} %" for part in ("tokenizer", "model", "rest")
            ]
            roof = row["rates"][kind]["q3"]
            rows.append(
                [
                    f"{shape}: {name}",
                    kind,
                    *shares,
                    f"{rate:,.0f} of {roof:,.0f}",
                    f"{rate / roof:.2f}",
                ]
            )
    head = ["workload", "precision", "text to ids", "the model's run", "rest", "GFLOP/s", "share"]
    note = (
        "Shares of the time of all workers, one request after another; the rest is pairing, planning, packing, waking and waiting for the "
        "last worker. GFLOP/s: the products that a prepared model needs for the real tokens, over the time from strings to "
        "scores, of what ONNX Runtime reaches on this machine on one square product of its precision (1,536 by 1,536; upper quartile)."
    )
    return [*table(head, rows), "", note]


def startup() -> list[str]:
    result = read("startup")
    rows = []
    for name, row in result["contenders"].items():
        if "reason" in row:
            rows.append([name, row["reason"], "", "", "", ""])
            continue
        versions = ", ".join(f"{key} {value}" for key, value in row["versions"].items())
        rows.append(
            [
                name,
                versions,
                spread(row["import_seconds"], 2, " s"),
                spread(row["start_seconds"], 2, " s"),
                f"{row['loaded_mb']['median']:.0f} MB",
                f"{row['install_mb']:,.0f} MB",
            ]
        )
    head = ["contender", "versions", "import", "process start to first score", "memory then"]
    note = (
        f"{result['shape']}; files in the page cache. Installed: the files of the named packages and of all that they require, "
        f"with a CPU build of PyTorch. {provenance(result)}."
    )
    return [*table([*head, "installed"], rows), "", note]


def growth() -> list[str]:
    """What has been measured of the series, below their plot."""
    if not read("growth"):
        return ["Not measured yet: `python -m benchmarks 'growth:*'`."]
    lines = ["![Growth](plots/growth.svg)", ""]
    for name, series in read("growth").items():
        rows = []
        for contender, row in series["contenders"].items():
            if not row["points"]:
                rows.append([contender, "", "", "", row.get("reason", "")])
                continue
            first, last = row["points"][0], row["points"][-1]
            slope = "" if row["slope"] is None else f"{row['slope']:.2f}"
            ends = [
                f"{point['point']:,}: {point['seconds']['median']:.3g} s, {point['above_mb']:,.0f} MB"
                for point in (first, last)
            ]
            rows.append([contender, slope, *ends, row.get("reason", "")])
        head = [f"{name} ({series['unit']})", "slope", "first point", "last point", "left because"]
        lines += [*table(head, rows), "", f"{provenance(series)}.", ""]
    note = (
        "Slope: of the logarithm of time against that of the quantity, by least squares (documents: from 1,000 on); 1 is "
        "proportional, 0 is constant. Memory: the peak above the loaded model. For callers the work grows with them; for cores it is the same."
    )
    return [*lines, note]


def idle() -> list[str]:
    """What stopping is for."""
    result = read("idle")
    if not result:
        return []
    ms = {name: spread(figures, 1, " ms") for name, figures in result["ms"].items()}
    note = (
        f"A request of ours on {result['shape']}: {ms['alone']} alone, {ms['idle']} beside peers that have just scored and idle, "
        f"{ms['stopped']} beside the same peers stopped, as here. {provenance(result)}."
    )
    return [note]


BLOCKS = {
    ("README.md", "speed"): speed,
    (DOCUMENT, "idle"): idle,
    (DOCUMENT, "verdict"): verdict,
    (DOCUMENT, "contenders"): contenders,
    (DOCUMENT, "workloads"): workloads,
    (DOCUMENT, "latencies"): latencies,
    (DOCUMENT, "differences"): differences,
    (DOCUMENT, "ours"): ours,
    (DOCUMENT, "startup"): startup,
    (DOCUMENT, "growth"): growth,
}
