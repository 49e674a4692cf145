"""The tables of the engine and of tokenizing, from committed results: into ARCHITECTURE.md by `make report`."""

from __future__ import annotations

from benchmarks.tables import load, provenance, spread, table


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
    rows = []
    for shape, works in throughput["shapes"].items():
        above = {name: f"{row['above_mb']:.0f} MB" for name, row in memory["shapes"][shape].items()}
        for work, row in works.items():
            contenders = row["contenders"]
            worst = max(contender["largest_logit_difference"] for contender in contenders.values())
            cells = [f"{shape}, {work}", spread(contenders[names[0]]["ms_per_request"], 0, " ms")]
            cells += [spread(contenders[name]["ratio"], 1, "x") for name in names[1:]]
            cells += ["0 (equal bits)" if worst == 0 else f"{worst:.0e}"]
            rows.append([*cells, above[ours], above[others[0]]])
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
    return [*table(head, rows), "", note]


def overhead() -> list[str]:
    result = load("overhead")
    head = [
        "shape",
        "outside the model's run, ids given",
        "tokenizer, of all",
        "if it were the library's",
    ]
    names = ("outside_run", "tokenizer_of_total", "library_of_total")
    rows = [
        [shape, *(spread(row[name], 2, " %", 100) for name in names)]
        for shape, row in result["shapes"].items()
    ]
    return [*table(head, rows), "", f"{provenance(result)}."]


def tokenizing() -> list[str]:
    result = load("tokenizing")
    speed, loading = [], []
    for name, found in result["tokenizers"].items():
        for work, row in found["texts"].items():
            cells = [name, work, spread(row["tokens_per_second"], 1, " M", 1e-6)]
            cells += [spread(row["ratio"], 1, "x")]
            cells += [spread(row[each], 2, "x") for each in ("scaling", "scaling_of_processes")]
            speed.append(cells)
        both = [found["loading"][by] for by in ("native", "tokenizers")]
        seconds = [f"{each['seconds']['median']:.2f} s" for each in both]
        loading.append([name, *seconds, *(f"{each['peak_mb']:.0f} MB" for each in both)])
    head = ["tokenizer", "text", "tokens/s, one thread", "times `encode_batch_fast`"]
    head += ["all cores, times one", "as many processes"]
    load_head = ["tokenizer", "load", "`tokenizers`", "memory at its peak", "`tokenizers`"]
    note = (
        f"Median and quartiles of {result['rounds']} interleaved rounds; all ids were equal before. As many "
        "processes: what the machine gives these on one thread each, at once, with nothing in common. "
        f"{provenance(result)}."
    )
    return [*table(head, speed, texts=2), "", *table(load_head, loading), "", note]


def plan() -> list[str]:
    result = load("plan")
    rows = [
        [shape, kind, name, str(figures["batches"]), f"{figures['ratio']['median']:.2f}x"]
        for shape, works in result["shapes"].items()
        for kind, row in works.items()
        for name, figures in row.items()
        if name != "workload"
    ]
    lines = table(["shape", "workload", "plan", "batches", "time"], rows, texts=3)
    return [*lines, "", f"One thread, the same session. {provenance(result)}."]


def alone() -> list[str]:
    """One pair, over all threads: beside one thread, and beside ONNX Runtime's own way to split it."""
    result = load("alone")
    head = ["shape", "tokens", "rerank-core", "one thread, times that"]
    head += ["ONNX Runtime, all threads, times that", "memory, one thread", "all threads"]
    rows = []
    for shape, row in result["shapes"].items():
        memory = [f"{each:.0f} MB" for each in row["memory_mb"].values()]
        for tokens, figures in row["tokens"].items():
            times = [spread(each, 2, "x") for each in figures["times_ours"].values()]
            rows.append([shape, tokens, spread(figures["ms"], 1, " ms"), *times, *memory])
            memory = ["", ""]
    narrow = [shape for shape, row in result["shapes"].items() if not row["is_wide"]]
    note = (
        f"Median and quartiles of {result['rounds']} interleaved rounds, strings to a logit; logits were equal before, to "
        "the bit between threads. ONNX Runtime runs the ids, with its defaults: its threads spin. Memory: what the loaded model "
        f"takes. {'; '.join(narrow) or 'None'} was too quick to be split. {provenance(result)}."
    )
    return [*table(head, rows), "", note]


def callers() -> list[str]:
    """A crowd beside one caller, and a busy Python thread beside nobody."""
    result = load("callers")
    names = list(next(iter(result["shapes"].values()))["beside_a_busy_thread"])
    head = [
        "shape",
        f"throughput of {result['callers']} callers, of one's",
        "p99, times a fair queue's ideal",
        *(f"{name}, beside a busy thread" for name in names),
        "idle CPU",
    ]
    rows = []
    for shape, row in result["shapes"].items():
        fair = row["fairness"]
        cells = [shape, spread(fair["throughput_share"], 1, " %", 100)]
        cells += [spread(fair["p99_of_ideal"], 2, "x")]
        busy = row["beside_a_busy_thread"]
        cells += [spread(busy[name]["busy_of_alone"], 2, "x") for name in names]
        rows.append([*cells, f"{row['idle_cpu_seconds']:.3f} s of {result['idle_seconds']} s"])
    shared = []
    for shape, row in result["shapes"].items():
        for kind, figures in row["coalescing"].items():
            sizes = [f"{each:.1f}" for each in figures["rows_of_a_batch"].values()]
            shared.append([shape, kind, *sizes, spread(figures["throughput_of_apart"], 2, "x")])
    shared_head = ["shape", "requests", "rows of a batch, apart", "shared"]
    shared_head += ["throughput, shared, of apart"]
    note = (
        f"Median and quartiles of {result['rounds']} rounds. Each caller asks for {result['documents']} "
        "documents at a time, in turn with one caller of the same rows; the ideal gives all an equal share of "
        "that one's pace. The busy thread wants the GIL all the time: latency of 100 passages with it, of that "
        f"without, worker and caller on one core and the busy thread on another. "
        f"Shared: batches of several callers are run as one. {provenance(result)}."
    )
    return [*table(head, rows), "", *table(shared_head, shared, texts=2), "", note]


BLOCKS = {
    ("benchmarks/REPORT.md", "policies"): policies,
    ("ARCHITECTURE.md", "overhead"): overhead,
    ("ARCHITECTURE.md", "plan"): plan,
    ("ARCHITECTURE.md", "alone"): alone,
    ("ARCHITECTURE.md", "callers"): callers,
    ("ARCHITECTURE.md", "tokenizing"): tokenizing,
}
