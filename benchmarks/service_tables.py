"""The tables of servers and jobs, from committed results: into their guides by `make report`."""

from __future__ import annotations

from benchmarks.tables import load, provenance, spread, table


def serving() -> list[str]:
    """What HTTP costs on top of the engine."""
    result = load("serving")
    shapes = result["shapes"]
    first = next(iter(shapes.values()))
    few, many = first["workloads"]
    crowd, callers = first["connections"]["count"], first["hundred_documents"]["callers"]
    head = [
        "shape",
        "10 documents inside",
        "over HTTP",
        "added at p50",
        "100 documents, throughput lost",
    ]
    head += [f"{crowd} connections, p50", "p99"]
    rows = []
    for shape, row in shapes.items():
        one, found = row["ten_documents"], row["connections"]
        lost = row["hundred_documents"]["throughput_lost"]
        cells = [shape, spread(one["inside_ms"], 2, " ms"), spread(one["http_ms"], 2, " ms")]
        cells += [f"{one['added_p50_ms']:.2f} ms", spread(lost, 1, " %", 100)]
        rows.append([*cells, f"{found['p50_ms']:.0f} ms", f"{found['p99_ms']:.0f} ms"])
    note = (
        f"Median and quartiles; replies were equal to the engine's before. {few}, one call after another, twenty each way in "
        f"turn; {many}, {callers} callers at once, {result['rounds']} rounds; {crowd} connections that each ask for 10 "
        "documents at once. Client and server share the cores. "
        f"{provenance(result)}. Reproduce with `make bench`."
    )
    return [*table(head, rows), "", note]


def serving_peers() -> list[str]:
    """Our server beside another's."""
    result = load("serving_peers")
    crowd = result["callers"]
    head = ["shape", "server", "10 documents, one caller", f"{crowd} callers, pairs/s", "p99"]
    columns = {"one_ms": (1, " ms"), "pairs_per_second": (0, ""), "p99_ms": (0, " ms")}
    rows = [
        [shape, server, *(spread(figures[name], *form) for name, form in columns.items())]
        for shape, row in result["shapes"].items()
        for server, figures in row["servers"].items()
    ]
    differences = [row["largest_difference"] for row in result["shapes"].values()]
    note = (
        "The same fp32 weights, machine, client and bytes (Infinity's dialect, 10 documents a request); Infinity runs PyTorch; "
        f"one server at a time, the other stopped; logits differ by at most {max(differences):.1g}. Median and quartiles of "
        f'{result["rounds"]} rounds. {provenance(result)}. Reproduce with `python -m benchmarks "serving_peers:*"`.'
    )
    return [*table(head, rows, texts=2), "", note]


def jobs() -> list[str]:
    result = load("jobs")
    head = ["shape", "rows", "pairs/s", "once begun, of the engine with all pairs in memory"]
    head += ["times a loop of `rerank`", "start"]
    rows = []
    for shape, works in result["shapes"].items():
        for work, row in works.items():
            cells = [shape, work, f"{row['pairs_per_second']['median']:,.0f}"]
            cells += [spread(row["of_engine"], 1, " %", 100), spread(row["times_loop"], 2, "x")]
            rows.append([*cells, f"{row['start_seconds']['median']:.2f} s"])
    grown, on_ray = load("jobs_scaling"), load("jobs_ray")
    scaling = [
        [f"{row['pairs']:,}", f"{row['pairs'] / row['seconds']:,.0f}", f"{row['peak_mb']:.0f} MB"]
        for row in grown["jobs"]
    ]
    note = (
        f"JSON lines in and out, documents of mean {result['mean_tokens']} tokens, all different; median and quartiles of "
        f"{result['rounds']} interleaved rounds; equal scores before. The second table: {grown['shape']}, ten documents a query. "
        f"Two single-thread actors of Ray on this machine have {spread(on_ray['of_engine'], 1, ' %', 100)} of the pace of the two-thread engine. "
        f"{provenance(result)}. Reproduce with `make bench-jobs`."
    )
    grown_head = ["pairs", "pairs/s", "peak memory"]
    return [*table(head, rows, texts=2), "", *table(grown_head, scaling, texts=0), "", note]


def reranked() -> list[str]:
    result = load("reranked_runs")
    head = ["collection", "queries", "pairs", "bad rows", "BM25, nDCG@10", "reranked, nDCG@10"]
    rows = []
    for name, row in result["collections"].items():
        counts = [f"{row[key]:,}" for key in ("queries", "pairs", "bad_rows")]
        rows.append([name, *counts, *(f"{row[key]:.4f}" for key in ("before", "after"))])
    note = f"BM25's first hundred, reranked by the bundled model. {provenance(result)}."
    return [*table(head, rows), "", note]


BLOCKS = {
    ("docs/serving.md", "serving"): serving,
    ("docs/serving.md", "serving_peers"): serving_peers,
    ("rerank_core/jobs/README.md", "jobs"): jobs,
    ("rerank_core/jobs/README.md", "reranked"): reranked,
}
