"""How far the logits of two models are from each other, and how far they may be."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core.errors import InvalidArgumentError
from rerank_core.models.verify.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["TOLERANCES", "Comparison", "Tolerance", "compare"]

_TOP = 10


@dataclass(frozen=True)
class Tolerance:
    """How far logits may be from a reference.

    Attributes:
        logit: Largest difference of a logit, however close together the logits are.
        share: The same as a share of the reference's standard deviation; the larger of both holds.
        spearman: Least rank correlation over all pairs.
    """

    logit: float
    share: float
    spearman: float

    def limit(self, scale: float) -> float:
        """Give the largest difference where the reference has this standard deviation."""
        return max(self.logit, self.share * scale)


# What is allowed, by the precision of a graph.
# fp32: promise 3 of the design, 1e-4. Logits of a model that spreads them wider than by ten are rounded
#   to less than that, so there it is 1e-5 of the spread (some 80 units in the last place).
# fp16: eleven bits, so 2e-3 for logits about 2. BERTs of 2 to 12 layers with random weights, wholly in half
#   precision, were 0.5 to 1.4 % of the spread off (PyTorch, 2026-11-20).
# int8: what moves documents that are close to each other, but not a good one below a bad one.
TOLERANCES = {
    "fp32": Tolerance(logit=1e-4, share=1e-5, spearman=0.999),
    "fp16": Tolerance(logit=2e-3, share=0.02, spearman=0.999),
    "int8": Tolerance(logit=1e-4, share=0.25, spearman=0.98),
}


@dataclass(frozen=True)
class Comparison:
    """The logits of a model beside those of a reference.

    Attributes:
        pairs: How many there are.
        queries: Of how many queries.
        largest: Largest difference of a logit.
        limit: What that may be.
        worst: Index of the pair that shows it.
        mean: Mean difference of a logit.
        spearman: Rank correlation over all pairs.
        least_spearman: What that must be.
        kendall: Rank correlation (tau-b) of the documents of a query; mean over the queries.
        order_changes: Queries of whose first ten documents one stands above another that it belongs
            below. Documents that fp32 itself may swap, nearer than twice its limit, do not count.
        scale: Standard deviation of the reference's logits.
    """

    pairs: int
    queries: int
    largest: float
    limit: float
    worst: int
    mean: float
    spearman: float
    least_spearman: float
    kendall: float
    order_changes: int
    scale: float

    @property
    def passed(self) -> bool:
        """Whether every figure is within its tolerance."""
        return all(figure.passed is not False for figure in self.figures())

    def to_dict(self) -> dict[str, Any]:
        """Give all of it for JSON."""
        return {**asdict(self), "passed": self.passed}

    def figures(self, worst: str = "") -> list[Figure]:
        """Give the lines of its table.

        Args:
            worst: What to call the pair that is furthest off.
        """
        is_near = self.largest <= self.limit
        is_alike = self.spearman >= self.least_spearman
        return [
            Figure(
                "largest difference of a logit",
                f"{self.largest:.2g}",
                f"{self.limit:.2g}",
                is_near,
                ""
                if is_near
                else f"the largest difference of a logit is {self.largest:.3g}, allowed is "
                f"{self.limit:.3g} ({worst or f'pair {self.worst}'})",
            ),
            Figure("mean difference of a logit", f"{self.mean:.2g}"),
            Figure("spread of reference logits", f"{self.scale:.2g}"),
            Figure(
                "rank correlation, all pairs",
                f"{self.spearman:.5f}",
                f"{self.least_spearman:.5f}",
                is_alike,
                ""
                if is_alike
                else f"the rank correlation is {self.spearman:.5f}, allowed is "
                f"{self.least_spearman:.5f}",
            ),
            Figure("rank correlation within a query", f"{self.kendall:.5f}"),
            Figure("queries with another top 10", f"{self.order_changes} of {self.queries}"),
        ]


def compare(
    found: ArrayLike,
    wanted: ArrayLike,
    groups: Sequence[int],
    tolerance: Tolerance = TOLERANCES["fp32"],
) -> Comparison:
    """Compare logits with those of a reference.

    Args:
        found: Logits of the model, one for each pair.
        wanted: Logits of the reference.
        groups: Which query each pair belongs to.
        tolerance: What may differ: one of `TOLERANCES`, or another.

    Raises:
        InvalidArgumentError: There are no pairs, not equally many of each, or one is not finite.

    Example:
        >>> from rerank_core.models.verify.comparison import compare
        >>> compared = compare([1.0, 2.0, 0.5], [1.0, 2.0, 0.75], [0, 0, 0])
        >>> compared.largest, compared.worst, compared.spearman, compared.passed
        (0.25, 2, 1.0, False)
    """
    ours, theirs = _checked("found", found), _checked("wanted", wanted)
    if not len(ours) == len(theirs) == len(groups) or not len(ours):
        raise InvalidArgumentError(
            "found, wanted and groups must be of equal length and not empty, got "
            f"{len(ours)}, {len(theirs)} and {len(groups)}"
        )
    apart = np.abs(ours - theirs)
    scale = float(theirs.std())
    group_of = np.asarray(groups)
    queries = [np.flatnonzero(group_of == group) for group in np.unique(group_of)]
    taus = [_kendall(ours[own], theirs[own]) for own in queries if len(own) > 1]
    nearest = 2 * TOLERANCES["fp32"].limit(scale)
    return Comparison(
        pairs=len(ours),
        queries=len(queries),
        largest=float(apart.max()),
        limit=tolerance.limit(scale),
        worst=int(apart.argmax()),
        mean=float(apart.mean()),
        spearman=_correlation(_ranks(ours), _ranks(theirs)),
        least_spearman=tolerance.spearman,
        kendall=float(np.mean(taus)) if taus else 1.0,
        order_changes=sum(_is_changed(ours[own], theirs[own], nearest) for own in queries),
        scale=scale,
    )


def _checked(name: str, logits: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(logits, np.float64)
    if values.ndim != 1:
        raise InvalidArgumentError(f"{name} must hold one logit for each pair, got {values.shape}")
    broken = np.flatnonzero(~np.isfinite(values))
    if len(broken):
        raise InvalidArgumentError(
            f"{name} must be finite, got {values[broken[0]]} for pair {broken[0]}"
        )
    return values


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the rank of each value; equal ones share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean: NDArray[np.float64] = (last - (counts - 1) / 2)[place]
    return mean


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Give Pearson's correlation; two constants agree, and one alone with nothing."""
    a, b = a - a.mean(), b - b.mean()
    norm = math.sqrt(float(a @ a) * float(b @ b))
    if norm == 0:
        return float(not a.any() and not b.any())
    return min(1.0, float(a @ b) / norm)


def _kendall(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Give tau-b: the correlation of the signs of all differences."""
    upper = np.triu_indices(len(a), 1)
    signs = [np.sign(values[:, None] - values)[upper] for values in (a, b)]
    norm = math.sqrt(float(signs[0] @ signs[0]) * float(signs[1] @ signs[1]))
    if norm == 0:
        return float(not signs[0].any() and not signs[1].any())
    return float(signs[0] @ signs[1]) / norm


def _is_changed(a: NDArray[np.float64], b: NDArray[np.float64], nearest: float) -> bool:
    """Tell whether one of b's first ten is, in a, not above another that it is above in b."""
    first = np.argsort(-b, kind="stable")[:_TOP]
    is_above = b[first, None] - b >= nearest
    return bool((is_above & (a[first, None] <= a)).any())
