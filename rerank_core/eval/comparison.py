"""Two systems on the same queries: which is better, and whether that could be chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rerank_core.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Comparison", "compare"]

_RESAMPLES = 9999
_AT_ONCE = 1 << 22  # figures drawn at once: 32 MB


@dataclass(frozen=True)
class Comparison:
    """How the figures of one system differ from another's, query by query.

    Attributes:
        changes: Difference by query id.
        change: Their mean.
        standard_error: Of that mean; None for a single query.
        interval: 95 % confidence interval of the mean, by the paired t-test; None for a single query.
        p_value: How often chance alone, swapping the two systems in each query or not, would change the mean
            as much (paired randomization test, two-sided: Fisher; Smucker, Allan and Carterette 2007).
            Of this comparison alone: among twenty, one is below 0.05 by chance.
        better: Queries with a higher figure.
        worse: Queries with a lower one.
        same: Queries with the same.
    """

    changes: Mapping[str, float]
    change: float
    standard_error: float | None
    interval: tuple[float, float] | None
    p_value: float
    better: int
    worse: int
    same: int


def compare(figures: Mapping[str, float], baseline: Mapping[str, float]) -> Comparison:
    """Compare a measure of two systems.

    Args:
        figures: The system's, by query id.
        baseline: The other's, of the same queries.

    Raises:
        InvalidArgumentError: The queries differ, there are none, or a figure is not finite.

    Example:
        >>> from rerank_core.eval import compare
        >>> compare({"q1": 1.0, "q2": 0.5}, {"q1": 0.5, "q2": 0.5}).change
        0.25
    """
    if not figures or figures.keys() != baseline.keys():
        raise InvalidArgumentError(
            f"figures must be of the same queries, got {len(figures)} and {len(baseline)}, "
            f"{len(figures.keys() & baseline.keys())} of them in both"
        )
    changes = np.array([figures[query] - baseline[query] for query in figures])
    if not np.isfinite(changes).all():
        query = list(figures)[int(np.argmin(np.isfinite(changes)))]
        raise InvalidArgumentError(f"the figures of query {query!r} are not both finite")
    error = float(changes.std(ddof=1) / np.sqrt(len(changes))) if len(changes) > 1 else None
    return Comparison(
        changes=dict(zip(figures, changes.tolist(), strict=True)),
        change=float(changes.mean()),
        standard_error=error,
        interval=None if error is None else _interval(changes, error),
        p_value=_p_value(changes),
        better=int((changes > 0).sum()),
        worse=int((changes < 0).sum()),
        same=int((changes == 0).sum()),
    )


def _interval(changes: NDArray[np.float64], error: float) -> tuple[float, float]:
    from scipy import stats  # noqa: PLC0415 - of the extra

    # From the quantile: the interval of ttest_rel is NaN where all queries change alike.
    reach = stats.t.ppf(0.975, len(changes) - 1) * error
    return float(changes.mean() - reach), float(changes.mean() + reach)


def _p_value(changes: NDArray[np.float64]) -> float:
    if len(changes) == 1:
        return 1.0  # swapped or not, it changes as much
    from scipy import stats  # noqa: PLC0415 - of the extra

    found = stats.permutation_test(
        (changes,),
        lambda drawn, axis: drawn.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=_RESAMPLES,
        batch=max(1, _AT_ONCE // len(changes)),
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)
