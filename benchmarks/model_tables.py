"""The tables of prepared models and of their ranking quality, from committed results: into the documents by `make report`."""

from __future__ import annotations

from typing import Any

from benchmarks.tables import load, provenance, spread, table


def preparing() -> list[str]:
    """The rewrites one after another, then int8: time beside differences, for each shape."""
    result = load("preparing")
    shapes = result["shapes"]
    steps = [name for name in next(iter(shapes.values()))["contenders"] if name.startswith("+")]
    head = ["rewrite", *(f"{shape}, time before / after" for shape in shapes)]
    head += ["largest logit difference from the export"]
    lines = []
    for name in steps:
        rows = [row["contenders"].get(name) for row in shapes.values()]
        # The first of a brief table stands for all that were left out of it.
        gains = [
            spread(row["times_step_before"], 2, "x")
            if row and len(found["contenders"]) > len(steps)
            else ""
            for row, found in zip(rows, shapes.values(), strict=True)
        ]
        worst = max(row["largest_logit_difference"] for row in rows if row)
        lines.append([name[2:], *gains, f"{worst:.0e}"])
    rows = [row["contenders"][steps[-1]] for row in shapes.values()]
    gains = [spread(row["times_plain"], 2, "x") for row in rows]
    lines.append(["all", *gains, ""])
    int8_head = ["way to int8", *(f"{shape}, times fp32" for shape in shapes)]
    int8_head += ["largest difference, of the logits' spread", "rank correlation"]
    int8 = []
    for name in next(iter(shapes.values()))["contenders"]:
        if name.startswith("int8"):
            rows = [row["contenders"].get(name) for row in shapes.values()]
            gains = [spread(row["times_fp32"], 2, "x") if row else "" for row in rows]
            apart = " / ".join(f"{row['of_spread']:.2f}" for row in rows if row)
            ranks = " / ".join(f"{row['rank_correlation']:.3f}" for row in rows if row)
            int8.append([name[6:], *gains, apart, ranks])
    rates = "; ".join(
        f"{shape}: {row['gflops']:.0f} of {row['matrix_gflops']['median']:.0f} GFLOP/s"
        for shape, row in shapes.items()
    )
    judged = [row["systems"] for row in load("quality")["collections"].values()]
    changes = [100 * (row["int8"]["nDCG@10"] / row["fp32"]["nDCG@10"] - 1) for row in judged]
    note = (
        f"Ranking quality of int8, the bundled model over {len(changes)} judged collections: nDCG@10 changes by "
        f"{sum(changes) / len(changes):+.2f} % on average ({min(changes):+.2f} % to {max(changes):+.2f} %). "
        f"Median and quartiles of {result['rounds']} interleaved rounds through `Reranker`, random weights (whose logits lie closer together than trained ones), "
        f"{next(iter(shapes.values()))['workload'][0]}. Prepared fp32 graphs against the fp32 matrix "
        f"product of NumPy or ONNX Runtime, whichever is faster, on all cores: {rates}. {provenance(result)}. Reproduce with `make bench-prepare`."
    )
    return [*table(head, lines), "", *table(int8_head, int8), "", note]


def prepared() -> list[str]:
    """One sentence for the README."""
    shapes = load("preparing")["shapes"]
    parts = []
    for shape, row in shapes.items():
        found = row["contenders"]
        fp32 = next(name for name in reversed(found) if name.startswith("+"))
        int8 = next(name for name in found if name.startswith("int8"))
        fast = [found[name]["times_plain"]["median"] for name in (fp32, int8)]
        parts.append(f"{shape} {fast[0]:.1f}x in fp32 and {fast[1]:.1f}x in int8")
    return [f"Times the plain export under the same engine: {'; '.join(parts)}."]


def ranking() -> list[str]:
    """Ranking quality on the judged collections, with what could be chance; then the other measures."""
    result = load("quality")
    rows = result["collections"]
    first, *models = next(iter(rows.values()))["systems"]
    steps = [(models[0], first), *((model, models[0]) for model in models[1:])]
    head = ["collection, nDCG@10", "queries", "BM25", *models]
    head += [f"{system} - {baseline}".replace(first, "BM25") for system, baseline in steps]
    lines = []
    for name, row in rows.items():
        found = {
            (each["system"], each["baseline"]): each
            for each in row["comparisons"]
            if each["measure"] == "nDCG@10"
        }
        cells = [name, str(row["queries"])]
        cells += [f"{means['nDCG@10']:.4f}" for means in row["systems"].values()]
        lines.append([*cells, *(_change(found[step]) for step in steps)])
    measures = next(iter(rows.values()))["systems"][first]
    others = []
    for system in (first, *models):
        means = [
            sum(row["systems"][system][measure] for row in rows.values()) / len(rows)
            for measure in measures
        ]
        name = "BM25" if system == first else system
        others.append([name, *(f"{mean:.4f}" for mean in means)])
    versions = result["machine"]["versions"]
    note = (
        "The bundled model on BM25's first hundred; changes with 95 % confidence intervals and the p of a "
        "paired randomization test. Linear gains; in dl19 and dl20 the other measures take judgments from 2 on "
        f"for relevant. onnxruntime {versions['onnxruntime']}, commit {result['machine']['commit']}, "
        f"{result['machine']['date']}. Reproduce with `make bench-quality`."
    )
    means_head = ["mean of the collections", *measures]
    return [*table(head, lines), "", *table(means_head, others), "", note]


def _change(comparison: dict[str, Any]) -> str:
    low, high = comparison["interval"]
    return f"{comparison['change']:+.4f} ({low:+.4f} to {high:+.4f}), p {comparison['p_value']:.2f}"


BLOCKS = {
    ("README.md", "prepared"): prepared,
    ("ARCHITECTURE.md", "preparing"): preparing,
    ("ARCHITECTURE.md", "ranking"): ranking,
}
