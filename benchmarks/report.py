"""Tables from committed results into the README and ARCHITECTURE.md; nothing there is typed.

Run as `python -m benchmarks.report`; with --check it only says what is stale (the tests do).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.harness import RESULTS
from training import report as quality

ROOT = Path(__file__).parents[1]


def load(name: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return result


def _spread(figures: dict[str, float], digits: int, unit: str) -> str:
    low, high = figures["q1"], figures["q3"]
    return f"{figures['median']:.{digits}f}{unit} ({low:.{digits}f} to {high:.{digits}f})"


def _provenance(result: dict[str, Any]) -> str:
    machine = result["machine"]
    return (
        f"{machine['cpu']}, {machine['threads']} threads, onnxruntime "
        f"{machine['versions']['onnxruntime']}, Python {machine['python']}, commit "
        f"{machine['commit']}, load {machine['load_before']} before, {machine['date']}"
    )


def speed() -> list[str]:
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
            cells = [f"{shape}, {work}", _spread(contenders[names[0]]["ms_per_request"], 0, " ms")]
            cells += [_spread(contenders[name]["ratio"], 1, "x") for name in names[1:]]
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
        f"{_provenance(throughput)}. Reproduce with `make bench`."
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
        cells = [_spread(share, 2, " %") for share in shares]
        lines.append(f"| {shape} | {' | '.join(cells)} |")
    return [*lines, "", f"{_provenance(result)}."]


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
            cells = [name, work, _spread(speed, 1, " M"), _spread(row["ratio"], 1, "x")]
            lines.append(f"| {' | '.join(cells)} | {_spread(row['scaling'], 2, 'x')} |")
        both = [rows["loading"][by] for by in ("native", "tokenizers")]
        seconds = [f"{each['seconds']['median']:.2f} s" for each in both]
        memory = [f"{each['peak_mb']:.0f} MB" for each in both]
        loading.append(f"| {' | '.join([name, *seconds, *memory])} |")
    note = (
        f"Median and quartiles of {result['rounds']} interleaved rounds; all ids were equal before. "
        f"{_provenance(result)}."
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
    return [*lines, "", f"One thread, the same session. {_provenance(result)}."]


BLOCKS = {
    **quality.BLOCKS,
    ("README.md", "speed"): speed,
    ("ARCHITECTURE.md", "overhead"): overhead,
    ("ARCHITECTURE.md", "plan"): plan,
    ("ARCHITECTURE.md", "tokenizing"): tokenizing,
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
    return found


def main() -> int:
    if "--check" in sys.argv:
        found = stale()
        print("\n".join(found) or "nothing is stale")
        return len(found)
    for (document, name), block in BLOCKS.items():
        path = ROOT / document
        path.write_text(rendered(path.read_text(), name, block()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
