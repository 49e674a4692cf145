"""Figures of several systems on one collection, and how they compare."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core.errors import InvalidArgumentError
from rerank_core.eval.comparison import Comparison, compare
from rerank_core.eval.measures import MEASURES, figures_of, parse_measures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rerank_core.eval.collection import Collection
    from rerank_core.eval.files import Run

__all__ = ["FIRST_STAGE", "Evaluation", "evaluate"]

FIRST_STAGE = "first stage"


@dataclass(frozen=True)
class Evaluation:
    """How well systems rank a collection.

    Attributes:
        collection: Its name.
        pairs: How many pairs of query and document were ranked.
        relevant: The lowest judgment that is relevant to measures that know only relevant or not.
        figures: Figure by query id, by measure, by system; the first stage is the first one.
        unjudged: Queries of the run that nobody judged; they count nowhere.
        irrelevant: Queries of the run of whose judged documents none is relevant; nor do they.
        missing: By system, queries with a relevant document that it says nothing of; their figures are 0.
    """

    collection: str
    pairs: int
    relevant: int
    figures: Mapping[str, Mapping[str, Mapping[str, float]]]
    unjudged: int
    irrelevant: int
    missing: Mapping[str, int]

    @property
    def measures(self) -> list[str]:
        """Names of the measures."""
        return list(self.figures[FIRST_STAGE])

    @property
    def queries(self) -> list[str]:
        """Ids of the queries that the figures are of."""
        return list(self.figures[FIRST_STAGE][self.measures[0]])

    def mean(self, system: str, measure: str) -> float:
        """Give the mean of a measure over the queries."""
        return float(np.mean(list(self.figures[system][measure].values())))

    def compare(self, system: str, baseline: str, measure: str) -> Comparison:
        """Compare two systems by a measure."""
        return compare(self.figures[system][measure], self.figures[baseline][measure])

    def against(self) -> list[tuple[str, str]]:
        """Name the pairs of systems worth comparing: each with the first stage, and with the first reranked."""
        first, *others = list(self.figures)
        pairs = [(system, first) for system in others]
        return pairs + [(system, others[0]) for system in others[1:]]

    def to_dict(self, *, per_query: bool = False) -> dict[str, Any]:
        """Give all of it for JSON.

        Args:
            per_query: Whether to give every query's figures and changes, too.
        """
        result: dict[str, Any] = {
            "collection": self.collection,
            "queries": len(self.queries),
            "pairs": self.pairs,
            "relevant": self.relevant,
            "unjudged": self.unjudged,
            "irrelevant": self.irrelevant,
            "missing": dict(self.missing),
            "systems": {
                system: {measure: self.mean(system, measure) for measure in self.measures}
                for system in self.figures
            },
            "comparisons": [
                {"system": system, "baseline": baseline, "measure": measure}
                | asdict(self.compare(system, baseline, measure))
                for system, baseline in self.against()
                for measure in self.measures
            ],
        }
        if per_query:
            return {**result, "per_query": self.figures}
        for comparison in result["comparisons"]:
            del comparison["changes"]
        return result

    def to_text(self, *, per_query: bool = False) -> str:
        """Give it as tables: the means, then the changes by the first measure.

        Args:
            per_query: Whether to add a line for each query, the most improved first.
        """
        measure = self.measures[0]
        means = [
            ["", *self.measures],
            *(
                [system, *(f"{self.mean(system, each):.4f}" for each in self.measures)]
                for system in self.figures
            ),
        ]
        changes = [[measure, "change", "95 % interval", "better", "worse", "same", "p"]]
        for system, baseline in self.against():
            found = self.compare(system, baseline, measure)
            between = "{:+.4f} to {:+.4f}".format(*found.interval) if found.interval else ""
            counts = [str(count) for count in (found.better, found.worse, found.same)]
            name = f"{system} - {baseline}"
            changes.append([name, f"{found.change:+.4f}", between, *counts, f"{found.p_value:.4f}"])
        tables = [self._head(), _table(means)]
        if len(changes) > 1:
            tables.append(_table(changes))
        if per_query:
            tables.append(_table(self._query_rows(measure)))
        return "\n\n".join(tables)

    def _head(self) -> str:
        said = {
            "queries of the run without judgments, left out": self.unjudged,
            "queries of the run without a relevant document, left out": self.irrelevant,
            **{
                f"queries that {system} lacks, counted as 0": n
                for system, n in self.missing.items()
            },
        }
        head = f"{self.collection}: {len(self.queries):,} queries, {self.pairs:,} pairs"
        return "\n".join([head, *(f"{what}: {count:,}" for what, count in said.items() if count)])

    def _query_rows(self, measure: str) -> list[list[str]]:
        columns = [figures[measure] for figures in self.figures.values()]
        first, last = columns[0], columns[-1]
        order = sorted(self.queries, key=lambda query: first[query] - last[query])
        return [
            [f"{measure} of query", *self.figures, "change"],
            *(
                [
                    query,
                    *(f"{column[query]:.4f}" for column in columns),
                    f"{last[query] - first[query]:+.4f}",
                ]
                for query in order
            ),
        ]


def evaluate(
    collection: Collection,
    runs: Mapping[str, Run],
    *,
    measures: Sequence[str] = MEASURES,
    relevant: int = 1,
) -> Evaluation:
    """Measure rankings of a collection beside its first stage.

    Args:
        collection: The queries, their judgments and the first stage.
        runs: By name of the system, what `rerank_run` or `read_run` gave.
        measures: Names of measures, see `parse_measures`.
        relevant: The lowest judgment that is relevant to measures that know only relevant or not.

    Raises:
        InvalidArgumentError: There is no such measure, or a score is NaN.
        FailedPreconditionError: Packages of the extra are not installed.

    Example:
        >>> from rerank_core.eval import Collection, evaluate
        >>> collection = Collection(
        ...     "one query",
        ...     queries={"q1": "why is the sky blue"},
        ...     documents={"d1": "Grass is green.", "d2": "Air scatters blue light."},
        ...     qrels={"q1": {"d2": 1}},
        ...     run={"q1": {"d1": 2.0, "d2": 1.0}},
        ... )
        >>> evaluation = evaluate(collection, {"ours": {"q1": {"d1": 0.1, "d2": 0.7}}})
        >>> evaluation.mean("first stage", "MRR@10"), evaluation.mean("ours", "MRR@10")
        (0.5, 1.0)
    """
    parsed = parse_measures(measures, relevant=relevant)
    if FIRST_STAGE in runs:
        raise InvalidArgumentError(
            f"{FIRST_STAGE!r} is the collection's own run; name yours otherwise"
        )
    systems = {FIRST_STAGE: collection.candidates, **runs}
    for system, run in systems.items():
        for query, scores in run.items():
            for document, score in scores.items():
                if score != score:  # noqa: PLR0124 - NaN
                    raise InvalidArgumentError(
                        f"{system}: the score of document {document!r} for query {query!r} is NaN"
                    )
    judged = collection.judged
    return Evaluation(
        collection=collection.name,
        pairs=sum(map(len, collection.candidates.values())),
        relevant=relevant,
        figures={system: figures_of(run, judged, parsed) for system, run in systems.items()},
        unjudged=sum(query not in collection.qrels for query in collection.run),
        irrelevant=sum(
            query in collection.qrels and query not in judged for query in collection.run
        ),
        missing={
            system: sum(not run.get(query) for query in judged) for system, run in systems.items()
        },
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Align columns, the first to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
