"""Whether a model directory ranks as it should: against its original, published scores, itself."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rerank_core.errors import EngineError, InvalidArgumentError
from rerank_core.models.store import ModelFiles, find
from rerank_core.models.verify.case_check import CaseResult, check_case
from rerank_core.models.verify.company import score_in_company
from rerank_core.models.verify.comparison import TOLERANCES, Comparison, Tolerance, compare
from rerank_core.models.verify.figures import Figure, table
from rerank_core.models.verify.measuring import Contender, Measured, measure
from rerank_core.models.verify.originals import (
    Original,
    compare_ids,
    find_original,
    reference_logits,
)
from rerank_core.models.verify.probe_pairs import probe_pairs, rows_of
from rerank_core.models.verify.references import cases_of, read_cases
from rerank_core.reranker import Reranker

if TYPE_CHECKING:
    import os

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Verification", "logits_of", "verify"]


@dataclass(frozen=True)
class Verification:
    """What was found out about a model directory.

    Attributes:
        model: The name or path that was given.
        path: Of the directory.
        precision: Of the graph.
        checks: What it was asked about itself: hashes, company, range, tokenizer.
        original: What it was compared with, and how that was run; or empty.
        comparison: How far from that it is, or None.
        worst: Names the pair that is furthest off, or empty.
        cases: How the published scores of this model went.
        skipped: How many published cases are of other models, or of single texts.
        speed: Its own on one thread, and the original's where there is one; empty if not measured.
    """

    model: str
    path: str
    precision: str
    checks: tuple[Figure, ...]
    original: str = ""
    comparison: Comparison | None = None
    worst: str = ""
    cases: tuple[CaseResult, ...] = ()
    skipped: int = 0
    speed: tuple[Measured, ...] = ()

    @property
    def figures(self) -> list[Figure]:
        """Every line of the table."""
        compared = self.comparison.figures(self.worst) if self.comparison else []
        published = [case.figure() for case in self.cases]
        return [*self.checks, *compared, *published, *_speed_figures(self.speed)]

    @property
    def failures(self) -> list[str]:
        """What is wrong, one sentence for each; empty if nothing is."""
        return [figure.why or figure.name for figure in self.figures if figure.passed is False]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.failures

    def to_dict(self) -> dict[str, Any]:
        """Give all of it for JSON."""
        return {
            "model": self.model,
            "path": self.path,
            "precision": self.precision,
            "passed": self.passed,
            "failures": self.failures,
            "checks": [asdict(check) for check in self.checks],
            "original": self.original or None,
            "comparison": self.comparison.to_dict() if self.comparison else None,
            "worst": self.worst,
            "cases": [case.to_dict() for case in self.cases],
            "skipped": self.skipped,
            "speed": [asdict(one) for one in self.speed],
        }

    def to_text(self) -> str:
        """Give all of it as a table."""
        head = [f"{self.path} ({self.precision})"]
        if self.original:
            head.append(f"against {self.original}")
        if self.cases:
            head.append(f"{len(self.cases)} published cases; {self.skipped} others skipped")
        return "\n".join([*head, "", table(self.figures)])


def verify(
    directory: str | os.PathLike[str],
    against: str | os.PathLike[str] | None = None,
    *,
    references: str | os.PathLike[str] | None = None,
    model_name: str | None = None,
    precision: str | None = None,
    tolerance: float | None = None,
    speed: bool = False,
) -> Verification:
    """Score the built-in pairs with a model and tell whether it may be used in its original's place.

    Args:
        directory: A model directory, as `Reranker` takes it.
        against: What it was made from: a PyTorch checkpoint (safetensors, with torch and transformers
            installed) or another model directory; None asks only whether its files are those that were
            prepared, and whether a score depends on anything but its pair.
        references: A JSON file of published scores; those of this model are compared, too.
        model_name: What the model is called there, OWNER/NAME; None takes what it was prepared from, or
            the name of the directory.
        precision: Of the graph, as `Reranker` takes it.
        tolerance: Largest difference of a logit that is allowed; None takes that of the precision, see
            ``rerank_core.models.verify.comparison.TOLERANCES``.
        speed: Whether to take a quick look at speed and memory, in processes of their own.

    Returns:
        What was found; ``passed`` and ``failures`` say whether it is good.

    Raises:
        NotFoundError: There is no such directory.
        ModelError: It, or what it is compared with, does not run, was changed since it was prepared, or
            their tokenizers differ.
        FailedPreconditionError: What it is compared with needs PyTorch, which is not here.
        InvalidArgumentError: The references cannot be read, or hold nothing of this model.

    Example:
        >>> from rerank_core.models.verify import verify
        >>> verification = verify("bundled", against="bundled")
        >>> verification.passed, verification.comparison.largest < 1e-5
        (True, True)
    """
    files = find(directory, precision)
    original = None if against is None else find_original(against)
    published = None if references is None else read_cases(references)
    cases = [] if published is None else cases_of(published, _names(files, model_name))
    allowed = _allowed(files.precision, tolerance)
    pairs = probe_pairs()
    scored = score_in_company(directory, pairs, precision)
    checks = [_integrity(files), scored.figure, _range(scored.logits), *_recorded(files)]
    found = Verification(str(files.name), str(files.directory), files.precision, tuple(checks))
    if original is not None:
        limit = scored.info.max_length
        rows = rows_of(pairs, scored.tokenizer, limit)
        ids = compare_ids(original, pairs, rows, limit)
        wanted = reference_logits(original, pairs, rows)
        comparison = compare(scored.logits, wanted, pairs.groups, allowed)
        found = replace(
            found,
            checks=(*checks, Figure("ids of both tokenizers", ids)),
            original=str(original),
            comparison=comparison,
            worst=f"{pairs.named(comparison.worst)}, {len(rows[comparison.worst][0])} tokens",
        )
    if published is not None:
        allowance = 0.0 if files.precision == "fp32" else allowed.limit(float(scored.logits.std()))
        with Reranker(directory, precision=precision, raw_scores=True) as reranker:
            results = [
                check_case(case, reranker.score(case.query, case.documents).tolist(), allowance)
                for case in cases
            ]
        found = replace(found, cases=tuple(results), skipped=len(published) - len(cases))
        if not any(result.decides for result in results):
            why = f"none of the {len(results)} published cases says how far a score may be off"
            nothing = Figure(
                "published cases that decide", "0", "at least 1", passed=False, why=why
            )
            found = replace(found, checks=(*found.checks, nothing))
    if speed:
        try:
            found = replace(found, speed=tuple(measure(_contenders(files, precision, original))))
        except EngineError as error:  # no reason to withhold the rest
            failed = Figure("speed and memory", f"not measured: {error}")
            found = replace(found, checks=(*found.checks, failed))
    return found


def logits_of(
    directory: str | os.PathLike[str], precision: str | None = None
) -> NDArray[np.float32]:
    """Give a model's logits of the built-in pairs.

    Arguments and errors are those of `Reranker`.

    Example:
        >>> from rerank_core.models.verify import logits_of
        >>> logits_of("bundled").shape
        (66,)
    """
    pairs = probe_pairs()
    with Reranker(directory, precision=precision) as reranker:
        return reranker.score_pairs(pairs.queries, pairs.documents, raw_scores=True)


def _names(files: ModelFiles, given: str | None) -> list[str]:
    """Give what a model may be called where its scores were published, best guess first."""
    if given is not None:
        if not given.strip():
            raise InvalidArgumentError("model_name must not be empty")
        return [given]
    source = files.manifest.made.get("source")
    names = [files.directory.resolve().name]
    if isinstance(source, str) and source.strip("/"):
        is_hub_id = re.fullmatch(r"[\w.-]+/[\w.-]+", source) and not Path(source).exists()
        names.insert(0, source if is_hub_id else Path(source).name)
    return list(dict.fromkeys(names))


def _allowed(precision: str, given: float | None) -> Tolerance:
    allowed = TOLERANCES[precision]
    if given is None:
        return allowed
    if not given >= 0:
        raise InvalidArgumentError(f"tolerance must be at least 0, got {given}")
    return Tolerance(logit=given, share=0.0, spearman=allowed.spearman)


def _integrity(files: ModelFiles) -> Figure:
    """Say how many hashes there are: that they hold was checked when the model was loaded."""
    count = len(files.manifest.sha256)
    if not count:
        return Figure("hashes of its files", "none listed")
    return Figure("hashes of its files", f"{count} hold", f"{count}", passed=True)


def _range(logits: NDArray[np.float32]) -> Figure:
    lowest, highest = float(logits.min()), float(logits.max())
    differ = highest > lowest
    return Figure(
        "logits of the built-in pairs",
        f"{lowest:.3g} to {highest:.3g}",
        "more than one",
        differ,
        "" if differ else f"every pair has the same logit, {lowest:.6g}: it ranks nothing",
    )


def _recorded(files: ModelFiles) -> list[Figure]:
    """Tell what was written down when the directory was prepared."""
    said = files.manifest.made.get("comparison")
    largest = said.get("largest") if isinstance(said, dict) else None
    if not isinstance(largest, (int, float)):
        return []
    return [Figure("largest difference when prepared", f"{largest:.2g}")]


def _contenders(
    files: ModelFiles, precision: str | None, original: Original | None
) -> list[Contender]:
    found = [Contender("rerank_core", files.directory, precision, files.directory)]
    if original is not None:
        runner = "PyTorch" if original.runner == "PyTorch" else "rerank_core"
        found.append(Contender(runner, original.directory, None, files.directory))
    return found


def _speed_figures(speed: tuple[Measured, ...]) -> list[Figure]:
    figures = [
        Figure(
            f"quick look, {name}",
            f"{one.pairs_per_second:.0f} pairs/s, peak {one.peak_mb:.0f} MB",
        )
        for name, one in zip(("one thread", "the original"), speed, strict=False)
    ]
    if len(speed) > 1:
        ours, theirs = speed
        times = ours.pairs_per_second / theirs.pairs_per_second
        figures.append(
            Figure(
                "quick look, ratio",
                f"{times:.2f}x pairs/s, {ours.peak_mb / theirs.peak_mb:.2f}x peak",
            )
        )
    return figures
