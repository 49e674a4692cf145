"""How a prepared model is best run on the device that is here: tried, and kept in its directory."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core._devices import checked_device
from rerank_core.errors import EngineError, ModelError
from rerank_core.models.manifest import PACKED, Manifest
from rerank_core.models.verify.comparison import TOLERANCES
from rerank_core.models.verify.probe_pairs import probe_pairs
from rerank_core.reranker import Reranker

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Trial", "calibrate"]

_LOG = logging.getLogger("rerank_core")

_TOKEN_BUDGETS = {"cpu": (256, 512, 1024), "cuda": (4096, 16384, 32768, 65536)}
_IN_FLIGHT = {"cpu": (), "cuda": (1, 2, 3)}
_CAPTURED_TOKENS: dict[str, tuple[int, ...]] = {"cpu": (), "cuda": (1024, 4096)}
_DOCUMENTS = 1000  # one call of so many
_FEW = 10  # and where small batches are recorded
_ROUNDS = 3
_WORTH = 1.02  # a ratio below it is noise


@dataclass(frozen=True)
class Trial:
    """One way to run a model, and how fast it was.

    Attributes:
        packed: Whether rows lay one behind the other.
        token_budget: Padded tokens of a batch.
        batches_in_flight: Batches that ran at once; None as many as there are threads.
        captured_tokens: Padded tokens up to which a batch was a recording that was replayed.
        documents: Of each call.
        pairs_per_second: Median of the rounds.
    """

    packed: bool
    token_budget: int
    batches_in_flight: int | None
    captured_tokens: int
    documents: int
    pairs_per_second: float


def calibrate(directory: str | os.PathLike[str], *, device: str = "cuda") -> list[Trial]:
    """Find how a prepared model is run fastest on a device, and write it into its rerank_core.json.

    Packed rows are tried beside padded ones, whose logits they must have; then sizes of batches; then
    how many run at once; then, by calls of a few documents, recordings of small batches, with the same
    logits. Each is taken where it is faster than what was best before.

    Args:
        directory: A prepared one, made for the device.
        device: "cpu", "cuda" or "cuda:N".

    Returns:
        All that was tried; the last line of each kind that won is what is kept.

    Raises:
        ProviderError: The device is not here.
        ModelError: The directory was prepared for another one, or packed rows or recordings score otherwise.

    Example:
        >>> from rerank_core.models.prepare import calibrate
        >>> calibrate("prepared-model")[0].packed  # doctest: +SKIP
        False
    """
    path = Path(directory)
    kind = checked_device(device, None)[0].name
    found = Manifest.read(path)
    if found.device != kind:
        raise ModelError(
            f"{path} was prepared for {found.device or 'no device'}, not for {kind}; prepare the model with "
            f"--device {kind}"
        )
    return _Calibration(path, found, kind, device).run()


class _Calibration:
    """Tries one manifest after another, each in the place of the directory's own."""

    def __init__(self, directory: Path, found: Manifest, kind: str, device: str) -> None:
        self._directory = directory
        self._found = found
        self._kind = kind
        self._device = device
        pairs = probe_pairs()
        self._query = pairs.queries[0]
        self._documents = [
            f"{number} {pairs.documents[number % len(pairs)]}" for number in range(_DOCUMENTS)
        ]
        self._trials: list[Trial] = []

    def run(self) -> list[Trial]:
        best = replace(self._found, packed=None, captured_tokens=None)
        try:
            fastest, logits = self._try(best)
            if (self._directory / PACKED).is_file():
                packed = replace(best, packed=PACKED)
                speed, others = self._try(packed)
                self._check(others, logits)
                if speed > fastest * _WORTH:
                    best, fastest = packed, speed
            for choice in self._choices():
                speed, _ = self._try(changed := replace(best, **choice))
                if speed > fastest * _WORTH:
                    best, fastest = changed, speed
            best = self._captured(best)
            best.made["calibration"] = [asdict(trial) for trial in self._trials]
        except BaseException:
            best = self._found
            raise
        finally:
            best.write(self._directory)
        return self._trials

    def _choices(self) -> Sequence[dict[str, Any]]:
        budgets: list[dict[str, Any]] = [
            {"token_budget": budget} for budget in _TOKEN_BUDGETS[self._kind]
        ]
        return [*budgets, *({"batches_in_flight": number} for number in _IN_FLIGHT[self._kind])]

    def _captured(self, best: Manifest) -> Manifest:
        """Give the best with recordings of small batches, where they make calls of a few documents faster."""
        choices = _CAPTURED_TOKENS[self._kind]
        if not choices:
            return best
        fastest, logits = self._try(best, _FEW)
        for tokens in choices:
            speed, found = self._try(changed := replace(best, captured_tokens=tokens), _FEW)
            if off := self._difference(found, logits):
                _LOG.warning("%s: batches that are replayed score %s", self._directory, off)
            elif speed > fastest * _WORTH:
                best, fastest = changed, speed
        return best

    def _try(
        self, manifest: Manifest, count: int | None = None
    ) -> tuple[float, NDArray[np.float32]]:
        """Give the pairs per second of calls of `count` documents, or all, and the logits of one."""
        manifest.write(self._directory)
        documents = self._documents[:count]
        try:
            with Reranker(self._directory, device=self._device) as reranker:
                logits = reranker.score(self._query, documents, raw_scores=True)
                rounds = []
                for _ in range(_ROUNDS * len(self._documents) // len(documents)):
                    start = time.perf_counter()
                    reranker.score(self._query, documents)
                    rounds.append(time.perf_counter() - start)
                info = reranker.info
        except EngineError as error:  # a batch that does not fit into the memory of the device
            _LOG.info("%s does not run: %s", manifest, error)
            return 0.0, np.empty(0, np.float32)
        if manifest.captured_tokens and not info.captured_tokens:  # a warning says why
            return 0.0, np.empty(0, np.float32)
        speed = len(documents) / median(rounds)
        self._trials.append(
            Trial(
                packed=info.packed,
                token_budget=info.token_budget,
                batches_in_flight=manifest.batches_in_flight,
                captured_tokens=info.captured_tokens,
                documents=len(documents),
                pairs_per_second=speed,
            )
        )
        return speed, logits

    def _check(self, packed: NDArray[np.float32], padded: NDArray[np.float32]) -> None:
        if off := self._difference(packed, padded):
            raise ModelError(
                f"{self._directory}: rows that are packed score {off}; please report the model, and remove "
                f"{PACKED}"
            )

    def _difference(self, found: NDArray[np.float32], expected: NDArray[np.float32]) -> str:
        """Tell how far logits are off, "" where they are near enough or one way did not run."""
        if not (len(found) and len(expected)):
            return ""
        limit = TOLERANCES[self._found.precision or "fp32"].limit(float(expected.std()))
        difference = float(np.abs(found - expected).max())
        if difference <= limit:
            return ""
        return f"{difference:.2g} off those that are padded, allowed is {limit:.2g}"
