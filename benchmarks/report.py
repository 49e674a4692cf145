"""Tables and plots from committed results into the documents; nothing there is typed.

Run as `python -m benchmarks.report`; with --check it only says what is stale (the tests do).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks import peer_tables, plots
from benchmarks.harness import RESULTS
from benchmarks.tables import provenance, spread
from training import report as quality

ROOT = Path(__file__).parents[1]


def load(name: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return result


def policies() -> list[str]:
    throughput, memory = load("throughput"), load("memory")
    ours, *others = memory["contenders"]
    names = list(next(iter(next(iter(throughput["shapes"].values())).values()))["contenders"])
    head = [
        "fp32, 100 documents",
        f"{names[0]}, time",
        *(f"{name}, times ours" for name in names[1:]),
        "largest logit difference",
        f"{ours}, memory",
        f"{others[0]}, memory",
    ]
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    for shape, works in throughput["shapes"].items():
        above = {name: f"{row['above_mb']:.0f} MB" for name, row in memory["shapes"][shape].items()}
        for work, row in works.items():
            contenders = row["contenders"]
            worst = max(contender["largest_logit_difference"] for contender in contenders.values())
            cells = [f"{shape}, {work}", spread(contenders[names[0]]["ms_per_request"], 0, " ms")]
            cells += [spread(contenders[name]["ratio"], 1, "x") for name in names[1:]]
            cells += ["0 (equal bits)" if worst == 0 else f"{worst:.0e}"]
            cells += [above[ours], above[others[0]]]
            lines.append(f"| {' | '.join(cells)} |")
    first = next(iter(throughput["shapes"].values()))
    draws = "; ".join(f"{name}: {row['draws'][0]}" for name, row in first.items())
    note = (
        f"Median and quartiles of {throughput['rounds']} interleaved rounds, strings to scores, on "
        "random weights; ratios say how much longer the others take. They are peers' batching "
        "policies (FlashRank's; sentence-transformers' and Infinity's) on the same graph, tokenizer "
        f"and ONNX Runtime. For example, {draws}. Memory: the peak above the loaded model for 1,000 documents of "
        "512 tokens. "
        f"{provenance(throughput)}. Reproduce with `python -m benchmarks 'throughput*'`."
    )
    return [*lines, "", note]


def overhead() -> list[str]:
    result = load("overhead")
    lines = [
        "| shape | outside the model's run, ids given | tokenizer, of all | if it were the library's |",
        "|---|---:|---:|---:|",
    ]
    for shape, row in result["shapes"].items():
        shares = [
            {key: 100 * value for key, value in row[name].items()}
            for name in ("outside_run", "tokenizer_of_total", "library_of_total")
        ]
        cells = [spread(share, 2, " %") for share in shares]
        lines.append(f"| {shape} | {' | '.join(cells)} |")
    return [*lines, "", f"{provenance(result)}."]


def tokenizing() -> list[str]:
    result = load("tokenizing")
    lines = [
        "| tokenizer | text | tokens/s, one thread | times `encode_batch_fast` | all cores, times one |",
        "|---|---|---:|---:|---:|",
    ]
    loading = [
        "| tokenizer | load | `tokenizers` | memory at its peak | `tokenizers` |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, rows in result["tokenizers"].items():
        for work, row in rows["texts"].items():
            speed = {key: value / 1e6 for key, value in row["tokens_per_second"].items()}
            cells = [name, work, spread(speed, 1, " M"), spread(row["ratio"], 1, "x")]
            lines.append(f"| {' | '.join(cells)} | {spread(row['scaling'], 2, 'x')} |")
        both = [rows["loading"][by] for by in ("native", "tokenizers")]
        seconds = [f"{each['seconds']['median']:.2f} s" for each in both]
        memory = [f"{each['peak_mb']:.0f} MB" for each in both]
        loading.append(f"| {' | '.join([name, *seconds, *memory])} |")
    note = (
        f"Median and quartiles of {result['rounds']} interleaved rounds; all ids were equal before. "
        f"{provenance(result)}."
    )
    return [*lines, "", *loading, "", note]


def plan() -> list[str]:
    result = load("plan")
    lines = ["| shape | workload | plan | batches | time |", "|---|---|---|---:|---:|"]
    for shape, works in result["shapes"].items():
        for kind, row in works.items():
            for name, figures in row.items():
                if name != "workload":
                    time = f"{figures['ratio']['median']:.2f}x"
                    lines.append(f"| {shape} | {kind} | {name} | {figures['batches']} | {time} |")
    return [*lines, "", f"One thread, the same session. {provenance(result)}."]


def preparing() -> list[str]:
    """The rewrites one after another, then int8: time beside differences, for each shape."""
    result = load("preparing")
    shapes = result["shapes"]
    steps = [name for name in next(iter(shapes.values()))["contenders"] if name.startswith("+")]
    lines = [
        (
            f"| rewrite | {' | '.join(f'{shape}, time before / after' for shape in shapes)} |"
            " largest logit difference from the export |"
        ),
        "|---|" + "---:|" * (len(shapes) + 1),
    ]
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
        lines.append(f"| {name[2:]} | {' | '.join(gains)} | {worst:.0e} |")
    rows = [row["contenders"][steps[-1]] for row in shapes.values()]
    gains = [spread(row["times_plain"], 2, "x") for row in rows]
    lines.append(f"| all | {' | '.join(gains)} | |")
    head = [f"{shape}, times fp32" for shape in shapes]
    head += ["largest difference, of the logits' spread", "rank correlation"]
    int8 = [f"| way to int8 | {' | '.join(head)} |", "|---|" + "---:|" * len(head)]
    for name in next(iter(shapes.values()))["contenders"]:
        if name.startswith("int8"):
            rows = [row["contenders"].get(name) for row in shapes.values()]
            gains = [spread(row["times_fp32"], 2, "x") if row else "" for row in rows]
            apart = " / ".join(f"{row['of_spread']:.2f}" for row in rows if row)
            ranks = " / ".join(f"{row['rank_correlation']:.3f}" for row in rows if row)
            int8.append(f"| {name[6:]} | {' | '.join(gains)} | {apart} | {ranks} |")
    rates = "; ".join(
        f"{shape}: {row['gflops']:.0f} of {row['matrix_gflops']['median']:.0f} GFLOP/s"
        for shape, row in shapes.items()
    )
    fp32, quantized = (quality.load(name)["collections"] for name in ("bundled", "int8"))
    changes = [100 * (quantized[name]["model"] / fp32[name]["model"] - 1) for name in fp32]
    note = (
        f"Ranking quality of int8, the bundled model over {len(changes)} judged collections: nDCG@10 changes by "
        f"{sum(changes) / len(changes):+.2f} % on average ({min(changes):+.2f} % to {max(changes):+.2f} %). "
        f"Median and quartiles of {result['rounds']} interleaved rounds through `Reranker`, random weights (whose logits lie closer together than trained ones), "
        f"{next(iter(shapes.values()))['workload'][0]}. Prepared fp32 graphs against NumPy's fp32 matrix "
        f"product on all cores: {rates}. {provenance(result)}. Reproduce with `make bench-prepare`."
    )
    return [*lines, "", *int8, "", note]


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


def reranked() -> list[str]:
    result = load("reranked_runs")
    lines = [
        "| collection | queries | pairs | bad rows | BM25, nDCG@10 | reranked, nDCG@10 |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, row in result["collections"].items():
        counts = [f"{row[key]:,}" for key in ("queries", "pairs", "bad_rows")]
        figures = [f"{row[key]:.4f}" for key in ("before", "after")]
        lines.append(f"| {' | '.join([name, *counts, *figures])} |")
    note = f"BM25's first hundred, reranked by the bundled model. {provenance(result)}."
    return [*lines, "", note]


def serving() -> list[str]:
    """What HTTP costs on top of the engine."""
    result = load("serving")
    shapes = result["shapes"]
    first = next(iter(shapes.values()))
    few, many = first["workloads"]
    crowd, callers = first["connections"]["count"], first["hundred_documents"]["callers"]
    lines = [
        (
            "| shape | 10 documents inside | over HTTP | added at p50 | 100 documents, throughput lost | "
            f"{crowd} connections, p50 | p99 |"
        ),
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for shape, row in shapes.items():
        one, found = row["ten_documents"], row["connections"]
        lost = {
            key: 100 * value for key, value in row["hundred_documents"]["throughput_lost"].items()
        }
        cells = [spread(one["inside_ms"], 2, " ms"), spread(one["http_ms"], 2, " ms")]
        cells += [f"{one['added_p50_ms']:.2f} ms", spread(lost, 1, " %")]
        cells += [f"{found['p50_ms']:.0f} ms", f"{found['p99_ms']:.0f} ms"]
        lines.append(f"| {shape} | {' | '.join(cells)} |")
    note = (
        f"Median and quartiles; replies were equal to the engine's before. {few}, one call after another, each way in "
        f"turn; {many}, {callers} callers at once, {result['rounds']} rounds; {crowd} connections that each ask for 10 "
        "documents at once. Client and server share the cores. "
        f"{provenance(result)}. Reproduce with `make bench`."
    )
    return [*lines, "", note]


BLOCKS = {
    **quality.BLOCKS,
    **peer_tables.BLOCKS,
    ("benchmarks/REPORT.md", "policies"): policies,
    ("README.md", "prepared"): prepared,
    ("ARCHITECTURE.md", "preparing"): preparing,
    ("ARCHITECTURE.md", "overhead"): overhead,
    ("ARCHITECTURE.md", "plan"): plan,
    ("ARCHITECTURE.md", "tokenizing"): tokenizing,
    ("rerank_core/jobs/README.md", "reranked"): reranked,
    ("docs/serving.md", "serving"): serving,
}


def rendered(text: str, name: str, lines: list[str]) -> str:
    """Give the text with the block of this name replaced."""
    begin, end = f"<!-- {name}: generated by make report -->\n", f"<!-- {name}: end -->"
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return before + begin + "\n".join(lines) + "\n" + end + after


def stale() -> list[str]:
    """Name the blocks that differ from the committed results."""
    found = []
    for (document, name), block in BLOCKS.items():
        text = (ROOT / document).read_text()
        if rendered(text, name, block()) != text:
            found.append(f"{document}: {name}")
    return found + plots.stale()


def main() -> int:
    if "--check" in sys.argv:
        found = stale()
        print("\n".join(found) or "nothing is stale")
        return len(found)
    for (document, name), block in BLOCKS.items():
        path = ROOT / document
        path.write_text(rendered(path.read_text(), name, block()))
    plots.draw()
    return 0


if __name__ == "__main__":
    sys.exit(main())
