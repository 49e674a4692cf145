"""Tables of the bundled model's card from committed results; `make report` writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
CARD = "rerank_core/models/bundled/README.md"


def load(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def quality() -> list[str]:
    ours, prototype = load("bundled"), load("prototype")
    lines = [
        "| collection | queries | BM25's order | reranked | change | prototype's change |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, row in ours["collections"].items():
        before = prototype["collections"][name]
        lines.append(
            f"| {name} | {row['queries']} | {row['bm25']:.4f} | {row['model']:.4f} "
            f"| {_percent(row['relative'])} (s.e. {100 * row['standard_error']:.1f}) "
            f"| {_percent(before['relative'])} |"
        )
    mean, before = ours["mean"], prototype["mean"]
    lines.append(
        f"| **mean** | | {mean['bm25']:.4f} | **{mean['model']:.4f}** | **{_percent(mean['relative'])}** "
        f"| {_percent(before['relative'])} |"
    )
    groups = ours["probes"]
    note = (
        "nDCG@10 of BM25's first hundred, linear gain, zero-shot, measured through `rerank_core`. "
        f"Of {groups['groups']} hand-written groups of one paraphrase and three passages that share more words "
        f"with the query, the paraphrase came first in **{groups['right']}** "
        f"(prototype: {prototype['probes']['right']}), and in {groups['also_others']} also before three passages "
        "that answer other queries and share no word."
    )
    return [*lines, "", note]


def calibration() -> list[str]:
    found = load("build")["calibration"]
    lines = [
        "| score | pairs | mean score | relevant |",
        "|---|---:|---:|---:|",
    ]
    lines += [
        f"| {row['from']:.1f} to {row['from'] + 0.1:.1f} | {100 * row['share']:.1f} % "
        f"| {row['score']:.2f} | {row['relevant']:.2f} |"
        for row in found["bins"]
    ]
    note = (
        f"Held-out questions ({found['queries']}, half of them to fit four numbers, the other half shown here), "
        "each with the passage that answers it and up to 24 others that BM25 found; together these "
        "weigh as much as the one that answers. Where fewer than half of the passages are relevant, the chance is lower."
    )
    return [*lines, "", note]


def speed() -> list[str]:
    found = load("speed")
    lines = ["| tokens of a pair | pairs per second |", "|---:|---:|"]
    lines += [f"| {row['tokens']} | {row['pairs_per_second']:,.0f} |" for row in found["lengths"]]
    note = (
        f"{found['cpu']}, {found['threads']} threads, strings to scores, queries of {found['query_words']} words, "
        f"median of {found['rounds']} rounds. Loading and a first score: "
        f"{found['first_score_seconds']:.2f} s after the imports. Files: {found['megabytes']:.1f} MB."
    )
    return [*lines, "", note]


def precision() -> list[str]:
    """The mean nDCG of the tables in bytes beside those in fp32."""
    shipped, full = load("bundled")["mean"]["model"], load("fp32")["mean"]["model"]
    note = (
        f"Shipped (tables in int8): {shipped:.4f}; the same in fp32: {full:.4f}; "
        f"difference {_percent(shipped / full - 1)}."
    )
    return [note]


def ablation() -> list[str]:
    rows = load("ablation")["runs"]
    genres = [genre for genre, figures in rows[0]["development"].items() if len(figures) > 1]
    lines = [
        "| recipe | " + " | ".join(f"{genre}: short, long, meaning" for genre in genres) + " |",
        "|---|" + "---:|" * len(genres),
    ]
    for row in rows:
        found = [row["development"][genre] for genre in genres]
        cells = [f"{f['ndcg']:.3f}, {f['long']:.3f}, {f['meaning']:.2f}" for f in found]
        lines.append(f"| {row['recipe']} | {' | '.join(cells)} |")
    note = (
        "Held-out documents, one run each. Short: nDCG@10 of questions, titles and claims; long: of excerpts "
        "that ask for other passages of their document; meaning: reciprocal rank of a passage without the "
        "query's words among passages about anything with some of them planted."
    )
    return [*lines, "", note]


def removed() -> list[str]:
    found = load("data")
    lines = ["| collection | removed from the training text |", "|---|---|"]
    for name, counts in found["removed"].items():
        said = "; ".join(f"{count} {what}" for what, count in counts.items())
        lines.append(f"| {name} | {said or 'nothing'} |")
    questions = sum(found["questions"].values())
    note = f"Left: {found['passages']:,} passages, {found['words']:,} words, {questions:,} questions and titles."
    return [*lines, "", note]


def summary() -> list[str]:
    ours = load("bundled")
    changes = [row["relative"] for row in ours["collections"].values()]
    note = (
        f"It reorders BM25's first hundred of six judged collections with {_percent(ours['mean']['relative'])} nDCG@10 "
        f"({_percent(min(changes))} on the worst, {_percent(max(changes))} on the best). It ranks by words first: a "
        f"paraphrase beats passages that share more words in {ours['probes']['right']} of {ours['probes']['groups']} "
        "hand-written cases."
    )
    return [note]


BLOCKS = {
    (CARD, "quality"): quality,
    (CARD, "calibration"): calibration,
    (CARD, "speed"): speed,
    (CARD, "precision"): precision,
    ("training/README.md", "ablation"): ablation,
    ("training/README.md", "removed"): removed,
    ("README.md", "bundled"): summary,
}


def _percent(share: float) -> str:
    return f"{100 * share:+.1f} %"
