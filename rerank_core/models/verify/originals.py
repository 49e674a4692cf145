"""What a model is compared with: a PyTorch checkpoint, or the graph of another directory."""

from __future__ import annotations

import importlib.util
import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core._cpu import available_cpus
from rerank_core.errors import FailedPreconditionError, ModelError, RerankError
from rerank_core.models.store import BUNDLED, ModelFiles, find
from rerank_core.models.verify.probe_pairs import Pairs, Row, rows_of
from rerank_core.reranker import Reranker
from rerank_core.tokenizer import Tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Original", "compare_ids", "find_original", "reference_logits", "scorer"]

Scorer = Callable[[Row], float]


@dataclass(frozen=True)
class Original:
    """Where reference logits come from.

    Attributes:
        runner: "PyTorch", "onnxruntime" (its own Python session) or "rerank_core".
        versions: Of the packages that run it; empty for rerank_core.
        directory: Of the weights.
        files: Of the graph; None for PyTorch.
    """

    runner: str
    versions: str
    directory: Path
    files: ModelFiles | None = None

    def __str__(self) -> str:
        graph = f" ({self.files.precision} graph)" if self.files else ""
        return f"{self.directory}{graph}, run by {self.versions or self.runner}"


def find_original(against: str | os.PathLike[str]) -> Original:
    """Find what to compare with; PyTorch weights first, where they can be run.

    Args:
        against: A checkpoint with safetensors, or a model directory as `Reranker` takes it.

    Raises:
        NotFoundError: There is no such directory.
        ModelError: It has no weights, or only a pickle, which is never loaded.
        FailedPreconditionError: It has PyTorch weights alone, and there is no PyTorch here.
    """
    directory = _checkpoint(against)
    if directory is None:
        return _graph(find(against))
    if not _holds(directory, "model*.safetensors"):
        raise ModelError(
            f"{directory} has its weights only as a pickle (pytorch_model.bin), which runs code "
            "when it is loaded and is therefore never loaded; save it as safetensors first"
        )
    if all(importlib.util.find_spec(name) for name in ("torch", "transformers")):
        versions = f"torch {version('torch')}, transformers {version('transformers')}"
        return Original("PyTorch", versions, directory)
    try:
        return _graph(find(against))
    except ModelError as error:
        raise FailedPreconditionError(
            f"{directory} is a PyTorch checkpoint; install torch and transformers to compare with it"
        ) from error


def _checkpoint(against: Any) -> Path | None:
    """Give the directory if it holds weights of PyTorch, and nothing safer where they are a pickle."""
    if not isinstance(against, (str, os.PathLike)) or not against or against == BUNDLED:
        return None
    directory = Path(os.path.expanduser(os.fspath(against)))  # noqa: PTH111  (raises nothing)
    is_pickle = _holds(directory, "pytorch_model*.bin") and not _holds(directory, "**/*.onnx")
    return directory if is_pickle or _holds(directory, "model*.safetensors") else None


def _holds(directory: Path, pattern: str) -> bool:
    try:
        return any(directory.glob(pattern))
    except (OSError, ValueError):  # a name that is no path at all
        return False


def _graph(files: ModelFiles) -> Original:
    try:
        import onnxruntime  # noqa: PLC0415  (optional; ours needs only its library)
    except ImportError:
        return Original("rerank_core", "", files.directory, files)
    versions = f"onnxruntime {onnxruntime.__version__}"
    return Original("onnxruntime", versions, files.directory, files)


def compare_ids(original: Original, pairs: Pairs, rows: Sequence[Row], max_length: int) -> str:
    """Compare the ids of the original's own tokenizer with rows; say how that went.

    Raises:
        ModelError: It gives other ids, so that scores cannot be compared.
    """
    path = original.directory / "tokenizer.json"
    if path.is_file():
        wanted = rows_of(pairs, Tokenizer(path), max_length)
        theirs = [(ids.tolist(), types.tolist()) for ids, types in wanted]
    else:
        try:
            theirs = [(ids, []) for ids in _transformers_ids(original.directory, pairs)]
        except Exception as error:  # noqa: BLE001  (transformers raises whatever it likes)
            return f"not compared: {str(error).splitlines()[0]}"
    for index, (row, (other, types)) in enumerate(zip(rows, theirs, strict=True)):
        ids = row[0].tolist()
        # transformers may cut a row elsewhere.
        if ids != other and (types or len(other) <= max_length):
            place = [*(a == b for a, b in zip(ids, other, strict=False)), False].index(False)
            raise ModelError(
                f"the tokenizer of {original.directory} is another: it gives {other[place:][:3]}, not "
                f"{ids[place:][:3]}, from id {place} on of {pairs.named(index)}. Scores of other ids "
                "cannot be compared"
            )
        if types and types != row[1].tolist():
            raise ModelError(
                f"the tokenizer of {original.directory} is another: it gives other type ids for "
                f"{pairs.named(index)}; compare the post_processor of both files"
            )
    return "the same"


def _transformers_ids(directory: Path, pairs: Pairs) -> list[list[int]]:
    from transformers import AutoTokenizer  # noqa: PLC0415  (optional, and slow to import)

    tokenizer = AutoTokenizer.from_pretrained(
        directory, trust_remote_code=False, local_files_only=True
    )
    # As lists: an empty document by itself is taken for none at all.
    encoded = tokenizer(list(pairs.queries), list(pairs.documents))["input_ids"]
    return [list(ids) for ids in encoded]


def reference_logits(original: Original, pairs: Pairs, rows: Sequence[Row]) -> NDArray[np.float32]:
    """Give the original's logits, each pair alone and unpadded.

    Args:
        original: What to run.
        pairs: The pairs.
        rows: The same as ids, by the tokenizer of the model that is compared.

    Raises:
        ModelError: It cannot be loaded or run, or a logit is not finite.
    """
    if original.runner == "rerank_core":
        with Reranker(original.directory) as reranker:
            return reranker.score_pairs(pairs.queries, pairs.documents, raw_scores=True)
    score = scorer(original)
    logits = np.zeros(len(rows), np.float32)
    for index, row in enumerate(rows):
        try:
            logits[index] = score(row)
        except RerankError:
            raise
        except Exception as error:
            raise ModelError(
                f"{original.directory} does not run on {len(row[0])} ids: "
                f"{str(error).splitlines()[0]} ({pairs.named(index)})"
            ) from error
        if not np.isfinite(logits[index]):
            raise ModelError(
                f"{original.directory} gives the logit {logits[index]} for {pairs.named(index)}; its "
                "weights are broken"
            )
    return logits


def scorer(original: Original) -> Scorer:
    """Load an original and give what scores one row with it.

    Raises:
        ModelError: It cannot be loaded.
    """
    load = _pytorch if original.runner == "PyTorch" else _onnxruntime
    try:
        return load(original)
    except RerankError:
        raise
    except Exception as error:
        raise ModelError(
            f"{original.directory} cannot be loaded by {original.runner}: {error}"
        ) from error


def _pytorch(original: Original) -> Scorer:
    import torch  # noqa: PLC0415  (optional)
    from transformers import AutoModelForSequenceClassification  # noqa: PLC0415  (optional)

    model, loaded = AutoModelForSequenceClassification.from_pretrained(
        original.directory,
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
        output_loading_info=True,
    )
    if loaded["missing_keys"]:
        raise ModelError(
            f"{original.directory} is no cross-encoder's checkpoint: it has no weights for "
            f"{', '.join(sorted(loaded['missing_keys'])[:3])}"
        )
    model = model.float().eval()
    takes_types = "token_type_ids" in inspect.signature(model.forward).parameters

    def score(row: Row) -> float:
        inputs = {"input_ids": torch.from_numpy(row[0].astype(np.int64))[None]}
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        if takes_types:
            inputs["token_type_ids"] = torch.from_numpy(row[1].astype(np.int64))[None]
        with torch.inference_mode():
            return _logit(model(**inputs).logits[0].numpy(), original)

    return score


def _onnxruntime(original: Original) -> Scorer:
    import onnxruntime  # noqa: PLC0415  (optional; ours needs only its library)

    if original.files is None:
        raise AssertionError("an original that is not PyTorch has files")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_cpus()
    session = onnxruntime.InferenceSession(
        str(original.files.graph), options, providers=["CPUExecutionProvider"]
    )
    wanted = {each.name for each in session.get_inputs()}
    outputs = [each.name for each in session.get_outputs()]
    output = "logits" if "logits" in outputs else outputs[0]

    def score(row: Row) -> float:
        ids, type_ids = (part.astype(np.int64)[None] for part in row)
        inputs = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": type_ids,
        }
        given = {name: value for name, value in inputs.items() if name in wanted}
        return _logit(session.run([output], given)[0][0], original)

    return score


def _logit(given: Any, original: Original) -> float:
    """Make one logit of one or two, as the core does."""
    values = np.atleast_1d(np.asarray(given, np.float32))
    if values.shape not in ((1,), (2,)):
        raise ModelError(
            f"{original.directory} gives {values.size} logits for a pair; a reranker gives one or two"
        )
    return float(values[-1] - values[0]) if len(values) > 1 else float(values[0])
