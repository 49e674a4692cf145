"""Measures of a ranking, by trec_eval's code through ir_measures.

Why ir_measures: it reads any measure by name and needs nothing but pytrec_eval, which is trec_eval's own
C code, with wheels for Python 3.10 to 3.14 (2026-11). ranx brings numba, pandas and ten others, and
pytrec_eval alone has no MRR@k.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rerank_core.errors import FailedPreconditionError, InvalidArgumentError
from rerank_core.eval.files import ordered
from rerank_core.request import checked_positive

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ir_measures import Measure

    from rerank_core.eval.files import Run

__all__ = ["MEASURES", "figures_of", "parse_measures"]

MEASURES = ("nDCG@10", "MRR@10", "MAP", "Recall@10", "Recall@100")
"""What is measured unless told otherwise.

nDCG has linear gains, as trec_eval's ndcg_cut (Jarvelin and Kekalainen 2002); for exponential ones
(Burges et al. 2005) ask for ``"nDCG(gains={1:1,2:3,3:7})@10"``.
"""


def parse_measures(names: Sequence[str] = MEASURES, *, relevant: int = 1) -> dict[str, Measure]:
    """Read measures as ir_measures writes them.

    Args:
        names: Such as "nDCG@10", "MRR@10", "MAP", "P@5", "RBP(p=0.8)".
        relevant: The lowest judgment that is relevant to measures that know only relevant or not: 1, or 2
            by the rules of TREC Deep Learning. A measure that says it itself, "MAP(rel=2)", is left alone.

    Returns:
        Measure by name.

    Raises:
        InvalidArgumentError: There is no such measure.
        FailedPreconditionError: Packages of the extra are not installed.

    Example:
        >>> from rerank_core.eval import parse_measures
        >>> parse_measures(["MRR@10"], relevant=2)
        {'MRR@10': RR(rel=2)@10}
    """
    library = _library()
    checked_positive("relevant", relevant)
    measures = {}
    for name in names:
        try:
            measure = library.parse_measure(name)
            if relevant > 1 and "rel" in measure.SUPPORTED_PARAMS and "rel" not in measure.params:
                measure = measure(rel=relevant)
            supported = library.DefaultPipeline.supports(measure)
        except Exception as error:  # of any kind: NameError, AssertionError, ...
            raise InvalidArgumentError(f"{name!r} is no measure of ir_measures: {error}") from error
        if not supported or measure.params.get("cutoff", 1) < 1:
            raise InvalidArgumentError(
                f"the measure {name!r} cannot be taken with what is installed; see ir-measur.es"
            )
        measures[name] = measure
    if not measures:
        raise InvalidArgumentError("measures must not be empty")
    return measures


def figures_of(
    run: Run, judged: Mapping[str, Mapping[str, int]], measures: Mapping[str, Measure]
) -> dict[str, dict[str, float]]:
    """Measure a run, query by query; one that it says nothing of has 0, as by trec_eval -c.

    Returns:
        Figure by query id, in the order of the judgments, by name of the measure.
    """
    # By rank, not score: trec_eval would put equal scores in the order of the documents' ids.
    ranks = {
        query: {name: -float(rank) for rank, name in enumerate(ordered(run[query]))}
        for query in judged
        if run.get(query)
    }
    evaluator = _library().evaluator(list(measures.values()), judged)
    found: dict[Measure, dict[str, float]] = {measure: {} for measure in measures.values()}
    for figure in evaluator.iter_calc(ranks):
        found[figure.measure][figure.query_id] = float(figure.value)
    return {
        name: {query: found[measure][query] for query in judged}
        for name, measure in measures.items()
    }


def _library() -> Any:
    try:
        importlib.import_module("scipy.stats")  # wanted when all is scored: better missed now
        return importlib.import_module("ir_measures")
    except ImportError as error:
        raise FailedPreconditionError(
            f'measuring needs more packages ({error}); run pip install "rerank-core[eval]"'
        ) from error
