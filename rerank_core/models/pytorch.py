"""A checkpoint's model in PyTorch, by transformers: nothing of it random, none of its own code run."""

from __future__ import annotations

import importlib
import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rerank_core.errors import FailedPreconditionError, ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rerank_core.models.checkpoint import Checkpoint

__all__ = ["load", "need_packages", "quiet"]

_MOST_LABELS = 2
_NAMED = 5  # tensors that an error names; the others are counted
# Of the extra; the last one tells optimum what it can export.
_PACKAGES = ("onnx", "safetensors", "torch", "transformers", "optimum.exporters.onnx.model_configs")
_CHATTY = ("optimum", "torch.onnx", "transformers")


def need_packages() -> None:
    """Import the packages that loading and exporting take.

    Raises:
        FailedPreconditionError: One of them is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in _PACKAGES:
                importlib.import_module(name)
    except ImportError as error:
        raise FailedPreconditionError(
            f"exporting a PyTorch checkpoint needs more packages ({error}); run "
            'pip install "rerank-core[export]"'
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the libraries: what they say is of each other and of tracing, not for a user to act on."""
    from transformers.utils import logging as chat  # noqa: PLC0415 - of the extra

    loggers = [logging.getLogger(name) for name in _CHATTY]
    levels = [logger.level for logger in loggers]
    has_bars = chat.is_progress_bar_enabled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            chat.disable_progress_bar()
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            if has_bars:
                chat.enable_progress_bar()


def load(found: Checkpoint) -> Any:
    """Load a sequence classifier in fp32, every tensor of it from the checkpoint's safetensors.

    Raises:
        ModelError: The weights are broken, do not fit config.json or lack a tensor, or the model gives
            more than two logits.
    """
    import torch  # noqa: PLC0415 - of the extra
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415
    from transformers import AutoConfig, AutoModelForSequenceClassification  # noqa: PLC0415

    stored = {}
    for path in found.weights:
        try:
            with safe_open(path, framework="np") as file:
                stored.update({name: file.get_slice(name).get_shape() for name in file.keys()})  # noqa: SIM118 - no dict
        except SafetensorError as error:
            raise ModelError(
                f"{path} is truncated or no safetensors file ({error}); download it again"
            ) from error
    try:
        config = AutoConfig.from_pretrained(found.directory, local_files_only=True)
    except Exception as error:
        raise ModelError(f"{found.directory / 'config.json'} is broken: {error}") from error
    if not 1 <= config.num_labels <= _MOST_LABELS:
        raise ModelError(
            f"{found.directory}: {found.architecture} has num_labels {config.num_labels}; a reranker "
            "gives one or two logits per pair"
        )
    try:
        model, info = AutoModelForSequenceClassification.from_pretrained(
            found.directory,
            config=config,
            torch_dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,  # reported below, with their names
            output_loading_info=True,
        )
    except Exception as error:
        raise ModelError(
            f"{found.directory}: {found.architecture} cannot be loaded: {error}"
        ) from error
    _check_loaded(found, model, stored, info)
    return model.eval()


def _check_loaded(
    found: Checkpoint, model: Any, stored: dict[str, list[int]], info: dict[str, Any]
) -> None:
    """Refuse a model of which transformers would have drawn a tensor at random."""
    # Names, or names with shapes, by the version of transformers.
    other = {each if isinstance(each, str) else each[0] for each in info["mismatched_keys"]}
    if other:
        wanted = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
        shapes = [
            f"{name} ({stored.get(name)} in the file, {wanted.get(name)} by config.json)"
            for name in sorted(other)
        ]
        raise ModelError(
            f"{found.directory}: tensors of the weights have another shape: {_listed(shapes)}; "
            "check that weights and config.json (num_labels, id2label) belong together"
        )
    missing = sorted(info["missing_keys"])
    if missing:
        raise ModelError(
            f"{found.directory}: {found.architecture} lacks weights of a sequence classifier: "
            f"{_listed(missing)}. They would be random; is it a reranker with a classification head?"
        )


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
