"""What a model is run on, and what an engine does differently there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rerank_core.errors import InvalidArgumentError, InvalidTypeError

if TYPE_CHECKING:
    from rerank_core.models.manifest import Manifest

__all__ = ["MAX_THREADS", "Device", "checked_device"]

MAX_THREADS = 1024


@dataclass(frozen=True)
class Device:
    """A kind of device.

    Attributes:
        name: "cpu" or "cuda".
        provider: ONNX Runtime's execution provider.
        token_budget: Padded tokens of a batch.
        width_multiple: Lengths are rounded up to it, where rows are padded.
        batches_in_flight: Batches that run at once, however many threads there are.
        captured_tokens: Padded tokens up to which a batch is recorded and replayed; 0 where none is.
    """

    name: str
    provider: str
    token_budget: int
    width_multiple: int
    batches_in_flight: int
    captured_tokens: int = 0

    def measured(self, manifest: Manifest) -> Device:
        """Give the kind with what was found best for a model that was prepared for it."""
        if manifest.device != self.name:
            return self
        return replace(
            self,
            token_budget=manifest.token_budget or self.token_budget,
            batches_in_flight=manifest.batches_in_flight or self.batches_in_flight,
            captured_tokens=manifest.captured_tokens or 0,
        )


# On a CPU a batch gains nothing beyond some 500 tokens, and padding is pure loss: measured, ARCHITECTURE.md,
# "The plan". A GPU wants large batches of few shapes, and the next one ready when one ends; what a
# prepared model is best run with is measured (models/prepare/calibration.py) and kept with it.
_DEVICES = {
    "cpu": Device(
        "cpu",
        "CPUExecutionProvider",
        token_budget=512,
        width_multiple=1,
        batches_in_flight=MAX_THREADS,
    ),
    "cuda": Device(
        "cuda",
        "CUDAExecutionProvider",
        token_budget=16384,
        width_multiple=32,
        batches_in_flight=2,
    ),
}


def checked_device(
    device: Any, provider_options: Mapping[str, str] | None
) -> tuple[Device, dict[str, str]]:
    """Give the kind of a device, and the options of its provider.

    Raises:
        InvalidTypeError, InvalidArgumentError: There is no such device, or it takes no options.
    """
    if not isinstance(device, str):
        raise InvalidTypeError(f"device must be a string, got {type(device).__name__}")
    if not re.fullmatch(r"cpu|cuda(:[0-9]{1,3})?", device):
        raise InvalidArgumentError(f"device must be 'cpu', 'cuda' or 'cuda:N', got '{device}'")
    name, _, number = device.partition(":")
    if provider_options is not None and not isinstance(provider_options, Mapping):
        raise InvalidTypeError(
            f"provider_options must be a mapping, got {type(provider_options).__name__}"
        )
    if provider_options and name == "cpu":
        raise InvalidArgumentError("provider_options are options of CUDA; device is 'cpu'")
    options = {str(key): str(value) for key, value in (provider_options or {}).items()}
    if number:
        options["device_id"] = number
    return _DEVICES[name], options
