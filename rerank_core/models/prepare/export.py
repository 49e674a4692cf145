"""From a PyTorch checkpoint to a plain ONNX graph, with the tokenizer and settings beside it."""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path

from rerank_core.errors import InvalidArgumentError, ModelError
from rerank_core.models.checkpoint import Checkpoint, read
from rerank_core.models.prepare.padding import make_padding_neutral
from rerank_core.models.pytorch import load, need_packages, quiet

__all__ = ["export"]

_LOG = logging.getLogger("rerank_core")
_TASK = "text-classification"
_GRAPH = "model.onnx"
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
# Optimum exports them, but not as they score: big_bird without its token types, the others with the
# number of </s> of the rows that were traced.
_UNFIT = frozenset({"bart", "big_bird", "bigbird_pegasus", "mbart"})


def export(checkpoint: Path, out: Path, *, external_from: int = 1 << 30) -> Path:
    """Export a cross-encoder as an fp32 ONNX graph that does not depend on how rows are padded.

    Nothing of the checkpoint is run: the weights come from safetensors, the model's code from
    transformers.

    Args:
        checkpoint: A directory in the Hugging Face layout: config.json, model.safetensors (or
            shards and their index), tokenizer.json.
        out: A directory that does not exist, or is empty. It appears when it is complete: model.onnx,
            config.json, tokenizer.json, and tokenizer_config.json where there is one.
        external_from: Bytes from which on the weights lie beside the graph, in model.onnx_data.

    Returns:
        The graph.

    Raises:
        NotFoundError: There is no such checkpoint.
        FailedPreconditionError: The packages of ``rerank-core[export]`` are not installed.
        InvalidArgumentError: `out` is there and not empty.
        ModelError: The checkpoint is incomplete, broken, no reranker, or of an architecture that
            cannot be exported; or the files could not be written.

    Example:
        >>> from rerank_core import Reranker
        >>> graph = export(Path("checkpoint"), Path("exported"))  # doctest: +SKIP
        >>> reranker = Reranker("exported")  # doctest: +SKIP
    """
    checkpoint, out = Path(checkpoint), Path(out)
    found = read(checkpoint)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InvalidArgumentError(
            f"{out} is there already; give a directory that is not, or empty"
        )
    need_packages()
    with quiet():
        _check_architecture(found)
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
                stage = Path(folder) / out.name
                stage.mkdir()
                _write_texts(found, stage)
                labels = _write_graph(found, stage / _GRAPH)
                _finish_graph(found, stage / _GRAPH, labels, external_from)
                stage.replace(out)
        except OSError as error:
            raise ModelError(f"cannot write {out}: {error}") from error
    return out / _GRAPH


def _check_architecture(found: Checkpoint) -> None:
    from optimum.exporters.tasks import TasksManager  # noqa: PLC0415 - of the extra

    known = set(TasksManager.get_supported_model_type_for_task(_TASK, "onnx")) - _UNFIT
    if found.model_type not in known:
        raise ModelError(
            f"{found.directory}: {found.architecture} (model_type {found.model_type}) cannot be "
            f"exported; what can be: {', '.join(sorted(known))}. If there is an ONNX graph "
            "of it, prepare that instead"
        )


def _write_texts(found: Checkpoint, stage: Path) -> None:
    """Copy the settings and the tokenizer to the byte, for what is saved anew may differ."""
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        if (found.directory / name).is_file():
            shutil.copyfile(found.directory / name, stage / name)
    if found.tokenizer is not None:
        return
    from transformers import AutoTokenizer  # noqa: PLC0415 - of the extra

    try:
        made = AutoTokenizer.from_pretrained(
            found.directory, use_fast=True, trust_remote_code=False, local_files_only=True
        )
        made.backend_tokenizer.save(str(stage / "tokenizer.json"))
    except Exception as error:
        raise ModelError(
            f"{found.directory} has no tokenizer.json, and none can be made of its other files: "
            f"{error}"
        ) from error
    _LOG.warning(
        "%s has no tokenizer.json; transformers made one of its other files", found.directory
    )


def _write_graph(found: Checkpoint, path: Path) -> int:
    """Load the model and trace it; give the number of its labels."""
    import torch  # noqa: PLC0415 - of the extra
    from optimum.exporters.onnx import export as trace  # noqa: PLC0415
    from optimum.exporters.tasks import TasksManager  # noqa: PLC0415

    # Tracing draws its inputs at random: the same ones each time, and none of the caller's.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = load(found)
        labels = int(model.config.num_labels)
        make_padding_neutral(model)
        make = TasksManager.get_exporter_config_constructor(
            "onnx", model, task=_TASK, library_name="transformers"
        )
        try:
            # Its fix of the output's shape loads and runs the whole graph; _finish_graph knows it.
            trace(model, make(model.config), path, disable_dynamic_axes_fix=True)
        except OSError:
            raise
        except Exception as error:
            raise ModelError(
                f"{found.directory}: {found.architecture} cannot be exported: {error}"
            ) from error
    return labels


def _finish_graph(found: Checkpoint, path: Path, labels: int, external_from: int) -> None:
    """Write the output's shape down, and large weights beside the graph."""
    import onnx  # noqa: PLC0415 - of the extra

    graph = onnx.load(path, load_external_data=False)
    inputs = [each.name for each in graph.graph.input]
    if not set(inputs) <= set(_INPUTS):
        raise ModelError(
            f"{found.directory}: {found.architecture} reads {', '.join(inputs)}; a reranker reads "
            f"nothing but {', '.join(_INPUTS)}"
        )
    shape = graph.graph.output[0].type.tensor_type.shape
    shape.dim[1].dim_value = labels
    is_external = any(
        onnx.external_data_helper.uses_external_data(t) for t in graph.graph.initializer
    )
    onnx.save(
        graph,
        path,
        save_as_external_data=not is_external and path.stat().st_size >= external_from,
        location=f"{_GRAPH}_data",
    )
