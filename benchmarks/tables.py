"""What all generated tables share."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.harness import RESULTS


def load(name: str) -> dict[str, Any]:
    """Give a result that is committed."""
    result: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return result


def table(head: list[str], rows: list[list[str]], *, texts: int = 1) -> list[str]:
    """Give a table whose first columns are texts and whose others are figures."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * texts + "---:|" * (len(head) - texts)]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def spread(figures: dict[str, float], digits: int, unit: str = "", scale: float = 1) -> str:
    """Give median and quartiles."""
    median, low, high = (scale * figures[key] for key in ("median", "q1", "q3"))
    return f"{median:,.{digits}f}{unit} ({low:,.{digits}f} to {high:,.{digits}f})"


def provenance(result: dict[str, Any]) -> str:
    """Say on what, with what and when a result was measured."""
    machine = result["machine"]
    return (
        f"{machine['cpu']}, {machine['threads']} threads, onnxruntime "
        f"{machine['versions']['onnxruntime']}, Python {machine['python']}, commit "
        f"{machine['commit']}, load {machine['load_before']} before, {machine['date']}"
    )
