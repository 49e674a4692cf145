"""Published scores beside those that a model gives here."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core.models.verify.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from rerank_core.models.verify.references import Case

__all__ = ["CaseResult", "check_case"]


@dataclass(frozen=True)
class _Scale:
    """From a logit to a kind of score, and back."""

    score: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    logit: Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _same(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values


_SCALES = {
    "sigmoid": _Scale(
        lambda logit: 0.5 + 0.5 * np.tanh(0.5 * logit), lambda score: np.log(score / (1 - score))
    ),
    "tanh": _Scale(np.tanh, np.arctanh),
    "logit": _Scale(_same, _same),
}


@dataclass(frozen=True)
class CaseResult:
    """How a case went.

    Attributes:
        id: Of the case.
        scores: What the model gives here, on the scale of the case.
        largest: Largest difference of a score; None where only an order was published.
        decides: Whether the case says how far a score may be off.
        allowed: That, as text.
        why: What is wrong, or empty.
    """

    id: str
    scores: tuple[float, ...]
    largest: float | None
    decides: bool
    allowed: str
    why: str

    def to_dict(self) -> dict[str, Any]:
        """Give all of it for JSON."""
        return asdict(self)

    def figure(self) -> Figure:
        """Give its line of the table."""
        found = "the order alone" if self.largest is None else f"off by {self.largest:.2g}"
        if not self.decides:
            return Figure(self.id, found, self.allowed)
        return Figure(self.id, found, self.allowed, not self.why, self.why)


def check_case(case: Case, logits: Sequence[float], allowance: float) -> CaseResult:
    """Compare a model's logits with a case.

    Args:
        case: What was published.
        logits: Of its documents.
        allowance: What the precision of the graph may move a logit, beside the case's own tolerance.
    """
    scale = next(
        (scale for kind, scale in _SCALES.items() if case.kind.startswith(kind)), _SCALES["logit"]
    )
    ours = scale.score(np.asarray(logits, np.float64))
    if case.order:
        best_first = ours[list(case.order)]
        wrong = np.flatnonzero(np.diff(best_first) >= 0)
        why = (
            f"document {case.order[wrong[0]]} is not above {case.order[wrong[0] + 1]}"
            if len(wrong)
            else ""
        )
        return _result(case, ours, None, why)
    index = [i for i, score in enumerate(case.scores) if score is not None]
    wanted = np.array([case.scores[i] for i in index], np.float64)
    if not index:
        return _result(case, ours, None, "no score was published")
    found = ours[index]
    own = np.maximum(case.tolerance_abs or 0, (case.tolerance_rel or 0) * np.abs(wanted))
    with np.errstate(divide="ignore", invalid="ignore"):  # a score of exactly 1, say
        logit = scale.logit(wanted)
    lowest = scale.score(logit - allowance) - own
    highest = scale.score(logit + allowance) + own
    width = np.maximum(wanted - lowest, highest - wanted)
    return _result(
        case,
        ours,
        float(np.abs(found - wanted).max()),
        _complaint(index, found, wanted, width),
    )


def _complaint(
    index: list[int],
    found: NDArray[np.float64],
    wanted: NDArray[np.float64],
    width: NDArray[np.float64],
) -> str:
    """Say which score is too far off, or which two documents are in the wrong order."""
    off = np.abs(found - wanted)
    # What was published is decimal: a difference of just the tolerance is within it.
    worst = int((off - width).argmax())
    if not off[worst] <= width[worst] * (1 + 1e-9):
        return (
            f"document {index[worst]} scores {found[worst]:.6g}, published is {wanted[worst]:.6g}, "
            f"allowed is a difference of {width[worst]:.2g}"
        )
    for i in range(len(index)):
        for j in range(len(index)):
            if wanted[i] - wanted[j] > max(width[i], width[j]) and found[i] <= found[j]:
                return f"document {index[i]} is not above {index[j]}"
    return ""


def _result(case: Case, ours: NDArray[np.float64], largest: float | None, why: str) -> CaseResult:
    reason = f"{case.id}: {why}" if why and case.decides else ""
    return CaseResult(case.id, tuple(ours.tolist()), largest, case.decides, _allowed(case), reason)


def _allowed(case: Case) -> str:
    if case.order:
        return "same order"
    limits = [f"{case.tolerance_abs:g}"] if case.tolerance_abs is not None else []
    limits += [f"{100 * case.tolerance_rel:g} %"] if case.tolerance_rel is not None else []
    return " or ".join(limits) or "not stated"
