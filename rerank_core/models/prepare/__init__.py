"""From any cross-encoder to a directory that runs fast here and was proved to rank the same."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from rerank_core._cpu import adds_int8_exactly
from rerank_core.errors import InvalidArgumentError, ModelError, ProviderError
from rerank_core.models.checkpoint import read as read_checkpoint
from rerank_core.models.hub import download_checkpoint
from rerank_core.models.manifest import PACKED, Manifest, digest
from rerank_core.models.prepare.calibration import calibrate
from rerank_core.models.prepare.cuda import write_for_cuda
from rerank_core.models.prepare.export import export
from rerank_core.models.prepare.graphs import check_inputs, load_graph, save_graph
from rerank_core.models.prepare.quantize import quantize
from rerank_core.models.prepare.rewrites import Applied, apply_rewrites
from rerank_core.models.prepare.sampler import Sampler
from rerank_core.models.prepare.trials import optimize, runtime_version
from rerank_core.models.store import find, locate
from rerank_core.models.store import verify as verify_files
from rerank_core.models.verify import Verification, verify
from rerank_core.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import onnx_ir as ir

    from rerank_core.models.store import ModelFiles

__all__ = ["Prepared", "calibrate", "prepare"]

_LOG = logging.getLogger("rerank_core")

_GRAPH = "model.onnx"  # of a prepared directory
_COPIED = ("config.json", "tokenizer.json", "tokenizer_config.json")
_RUNS = {("fp32", "cpu"), ("fp32", "cuda"), ("int8", "cpu"), ("fp16", "cuda")}


@dataclass(frozen=True)
class Prepared:
    """What was made.

    Attributes:
        directory: Where it is; `Reranker(directory)` loads it.
        precision: Of its graph.
        device: What it was prepared for.
        rewrites: What was done to the graph, in order.
        verification: How it compares with what it was made from.
    """

    directory: Path
    precision: str
    device: str
    rewrites: tuple[Applied, ...]
    verification: Verification


def prepare(
    model: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    precision: str = "fp32",
    device: str = "cpu",
    revision: str | None = None,
    without: Collection[str] = (),
    reduce_range: bool | None = None,
    tolerance: float | None = None,
) -> Prepared:
    """Make a directory that runs fast on a device, and prove that it still ranks the same.

    The model is exported if it has no ONNX graph, rewritten, brought to the precision, optimized by
    ONNX Runtime, and compared with what it was made from. The directory appears when all is done. Where
    CUDA is, and the model is prepared for it, how to run it fastest is tried and kept too (`calibrate`).

    Args:
        model: "bundled", a directory with an fp32 ONNX graph or a PyTorch checkpoint, or a hub id.
        out: The directory to make; it must not exist, or be empty.
        precision: "fp32"; "int8" for a CPU; "fp16" for CUDA.
        device: "cpu" or "cuda".
        revision: Branch, tag or commit of a hub id.
        without: Names of rewrites to leave out.
        reduce_range: Keep int8 weights to 7 bits, for processors without VNNI; None looks at this one.
        tolerance: Largest difference of a logit, in place of the precision's own.

    Raises:
        NotFoundError: There is no such model.
        ModelError: It cannot be exported or read, a rewrite changed scores, the result ranks otherwise, or
            it cannot be written.
        FailedPreconditionError: A package that it takes is not installed.
        InvalidArgumentError: No such precision runs on the device, or out holds something.

    Example:
        >>> from rerank_core.models.prepare import prepare
        >>> prepare("bundled", "prepared-model").verification.passed  # doctest: +SKIP
        True
    """
    if (precision, device) not in _RUNS:
        raise InvalidArgumentError(
            f"precision {precision!r} on device {device!r}: there is fp32 for cpu and cuda, int8 for "
            "cpu, fp16 for cuda"
        )
    if reduce_range is None:
        reduce_range = not adds_int8_exactly()
    target = Path(out)
    _check_is_free(target)
    with _stage(target) as stage:
        checkpoint, source = _source(model, revision, stage / "exported")
        graph = load_graph(source.graph)
        check_inputs(graph)
        sampler = Sampler(Tokenizer.from_file(source.tokenizer), source.max_length)
        applied = apply_rewrites(graph, sampler, device=device, without=without)
        made = stage / "made"
        made.mkdir()
        is_packed = False
        if device == "cuda":
            is_packed = write_for_cuda(
                graph,
                source.graph,
                sampler,
                to=(made / _GRAPH, made / PACKED),
                precision=precision,
                without=without,
            )
        else:
            _write_graph(graph, made, precision, reduce_range=reduce_range)
        for name in _COPIED:
            if (source.directory / name).exists():
                shutil.copyfile(source.directory / name, made / name)
        manifest = Manifest(
            graph=_GRAPH,
            precision=precision,
            max_batch_rows=1 if precision == "int8" else None,
            max_length=source.max_length,
            needs_vnni=precision == "int8" and not reduce_range,
            packed=PACKED if is_packed else None,
            is_optimized=device == "cpu",
            sha256={path.name: digest(path) for path in sorted(made.iterdir())},
            made={
                "source": os.fspath(model),
                "with": f"rerank-core {version('rerank-core')}, onnxruntime {runtime_version()}",
                "rewrites": [asdict(each) for each in applied],
            },
        )
        manifest.write(made)
        verification = verify(made, against=checkpoint, tolerance=tolerance)
        if not verification.passed:
            raise ModelError(
                f"{model} prepared in {precision} ranks otherwise than before: "
                f"{'; '.join(verification.failures)}"
            )
        if verification.comparison is not None:
            manifest.made["comparison"] = verification.comparison.to_dict()
        # Only now: it was compared on a CPU, whatever it is for.
        replace(manifest, device=device).write(made)
        made.replace(target)
    if device == "cuda":
        try:
            calibrate(target)
        except ProviderError as missing:
            _LOG.info("%s: run `rerank-core calibrate %s` where CUDA is", missing, target)
    verification = replace(verification, model=str(target), path=str(target))
    return Prepared(target, precision, device, tuple(applied), verification)


def _check_is_free(target: Path) -> None:
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise InvalidArgumentError(f"{target} is there and not empty; name a directory to be made")


@contextmanager
def _stage(target: Path) -> Iterator[Path]:
    """Give a directory beside the target, on the same disk, that is gone afterwards."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as directory:
            yield Path(directory)
    except OSError as error:
        raise ModelError(f"cannot write {target}: {error}") from error


def _source(
    model: str | os.PathLike[str], revision: str | None, export_to: Path
) -> tuple[Path, ModelFiles]:
    """Give the directory of what is prepared, and its fp32 graph, exported where there is none."""
    try:
        files = find(model, "fp32", revision)
    except ModelError as no_graph:
        checkpoint = locate(model)
        try:
            checkpoint = checkpoint or download_checkpoint(os.fspath(model), revision)
            read_checkpoint(checkpoint)
        except ModelError as no_checkpoint:
            raise ModelError(
                f"{model} can be prepared neither from a graph nor from a checkpoint: {no_graph}; "
                f"{no_checkpoint}"
            ) from no_checkpoint
        export(checkpoint, export_to)
        return checkpoint, find(export_to, "fp32")
    if files.manifest.is_optimized:
        raise InvalidArgumentError(
            f"{files.directory} is prepared already; prepare what it was made from: "
            f"{files.manifest.made.get('source', 'its source')}"
        )
    verify_files(files)
    return files.directory, files


def _write_graph(graph: ir.Model, made: Path, precision: str, *, reduce_range: bool) -> None:
    """Bring a rewritten graph to the precision, and do what ONNX Runtime would do at every start.

    What it makes for CUDA, it makes only where CUDA is.
    """
    stage = made.parent
    converted = stage / "rewritten.onnx"
    save_graph(graph, converted)
    if precision == "int8":
        quantize(converted, stage / "int8.onnx", reduce_range=reduce_range)
        converted = stage / "int8.onnx"
    optimize(converted, made / _GRAPH)
