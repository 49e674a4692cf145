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
_DOCUMENTS = 1000  # one call of so many
_ROUNDS = 3
_WORTH = 1.02  # a ratio below it is noise


@dataclass(frozen=True)
class Trial:
    """One way to run a model, and how fast it was.

    Attributes:
        packed: Whether rows lay one behind the other.
        token_budget: Padded tokens of a batch.
        batches_in_flight: Batches that ran at once; None as many as there are threads.
        pairs_per_second: Median of the rounds.
    """

    packed: bool
    token_budget: int
    batches_in_flight: int | None
    pairs_per_second: float


def calibrate(directory: str | os.PathLike[str], *, device: str = "cuda") -> list[Trial]:
    """Find how a prepared model is run fastest on a device, and write it into its rerank_core.json.

    Packed rows are tried beside padded ones, whose logits they must have; then sizes of batches; then
    how many run at once. Each is taken where it is faster than what was best before.

    Args:
        directory: A prepared one, made for the device.
        device: "cpu", "cuda" or "cuda:N".

    Returns:
        All that was tried; the last line of each kind that won is what is kept.

    Raises:
        ProviderError: The device is not here.
        ModelError: The directory was prepared for another one, or packed rows score otherwise.

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
        best = replace(self._found, packed=None)
        try:
            fastest, logits = self._try(best)
            if (self._directory / PACKED).is_file():
                packed = replace(self._found, packed=PACKED)
                speed, others = self._try(packed)
                self._check(others, logits)
                if speed > fastest * _WORTH:
                    best, fastest = packed, speed
            for choice in self._choices():
                speed, _ = self._try(changed := replace(best, **choice))
                if speed > fastest * _WORTH:
                    best, fastest = changed, speed
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

    def _try(self, manifest: Manifest) -> tuple[float, NDArray[np.float32]]:
        """Give the pairs per second of a call, and its logits."""
        manifest.write(self._directory)
        try:
            with Reranker(self._directory, device=self._device) as reranker:
                logits = reranker.score(self._query, self._documents, raw_scores=True)
                rounds = []
                for _ in range(_ROUNDS):
                    start = time.perf_counter()
                    reranker.score(self._query, self._documents)
                    rounds.append(time.perf_counter() - start)
                info = reranker.info
        except EngineError as error:  # a batch that does not fit into the memory of the device
            _LOG.info("%s does not run: %s", manifest, error)
            return 0.0, np.empty(0, np.float32)
        speed = len(self._documents) / median(rounds)
        self._trials.append(
            Trial(info.packed, info.token_budget, manifest.batches_in_flight, speed)
        )
        return speed, logits

    def _check(self, packed: NDArray[np.float32], padded: NDArray[np.float32]) -> None:
        if not (len(packed) and len(padded)):
            return
        limit = TOLERANCES[self._found.precision or "fp32"].limit(float(padded.std()))
        difference = float(np.abs(packed - padded).max())
        if not difference <= limit:
            raise ModelError(
                f"{self._directory}: rows that are packed score {difference:.2g} off those that are padded, "
                f"allowed is {limit:.2g}; please report the model, and remove {PACKED}"
            )
