"""The tables of servers and jobs, from committed results: into their guides by `make report`."""

from __future__ import annotations

from benchmarks.tables import load, provenance, spread


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


def serving_peers() -> list[str]:
    """Our server beside another's."""
    result = load("serving_peers")
    lines = [
        f"| shape | server | 10 documents, one caller | {result['callers']} callers, pairs/s | p99 |",
        "|---|---|---:|---:|---:|",
    ]
    differences = []
    for shape, row in result["shapes"].items():
        differences.append(row["largest_difference"])
        for server, figures in row["servers"].items():
            cells = [
                spread(figures["one_ms"], 1, " ms"),
                spread(figures["pairs_per_second"], 0, ""),
                spread(figures["p99_ms"], 0, " ms"),
            ]
            lines.append(f"| {shape} | {server} | {' | '.join(cells)} |")
    note = (
        "The same fp32 weights, machine, client and bytes (Infinity's dialect, 10 documents a request); Infinity runs PyTorch; "
        f"one server at a time, the other stopped; logits differ by at most {max(differences):.1g}. Median and quartiles of "
        f'{result["rounds"]} rounds. {provenance(result)}. Reproduce with `python -m benchmarks "serving_peers:*"`.'
    )
    return [*lines, "", note]


def jobs() -> list[str]:
    result = load("jobs")
    lines = [
        "| shape | rows | pairs/s | once begun, of the engine with all pairs in memory | times a loop of `rerank` | start |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for shape, works in result["shapes"].items():
        for work, row in works.items():
            share = {key: 100 * value for key, value in row["of_engine"].items()}
            cells = [shape, work, f"{row['pairs_per_second']['median']:,.0f}"]
            cells += [spread(share, 1, " %"), spread(row["times_loop"], 2, "x")]
            cells += [f"{row['start_seconds']['median']:.2f} s"]
            lines.append(f"| {' | '.join(cells)} |")
    scaling = ["| pairs | pairs/s | peak memory |", "|---:|---:|---:|"]
    grown = load("jobs_scaling")
    for row in grown["jobs"]:
        pace = row["pairs"] / row["seconds"]
        scaling.append(f"| {row['pairs']:,} | {pace:,.0f} | {row['peak_mb']:.0f} MB |")
    on_ray = load("jobs_ray")
    share = {key: 100 * value for key, value in on_ray["of_engine"].items()}
    note = (
        f"JSON lines in and out, documents of mean {result['mean_tokens']} tokens, all different; median and quartiles of "
        f"{result['rounds']} interleaved rounds; equal scores before. The second table: {grown['shape']}, ten documents a query. "
        f"Two single-thread actors of Ray on this machine have {spread(share, 1, ' %')} of the pace of the two-thread engine. "
        f"{provenance(result)}. Reproduce with `make bench-jobs`."
    )
    return [*lines, "", *scaling, "", note]


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


BLOCKS = {
    ("docs/serving.md", "serving"): serving,
    ("docs/serving.md", "serving_peers"): serving_peers,
    ("rerank_core/jobs/README.md", "jobs"): jobs,
    ("rerank_core/jobs/README.md", "reranked"): reranked,
}
