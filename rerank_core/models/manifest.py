"""`rerank_core.json`: what a prepared directory says of itself."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from rerank_core.errors import ModelError

__all__ = [
    "ACTIVATIONS",
    "DEVICES",
    "MANIFEST",
    "PACKED",
    "PRECISIONS",
    "Manifest",
    "check_is_there",
    "digest",
    "read_json",
]

MANIFEST = "rerank_core.json"
PACKED = "packed.onnx"
PRECISIONS = ("fp32", "fp16", "int8")
DEVICES = ("cpu", "cuda")
ACTIVATIONS = ("sigmoid", "identity")


@dataclass(frozen=True)
class Manifest:
    """What a prepared directory holds and how it came to be; nothing where nothing is said.

    Attributes:
        graph: Name of the ONNX file, or None.
        precision: Of that graph: "fp32", "fp16" or "int8".
        max_batch_rows: Rows a batch may have for scores not to depend on it, or None.
        activation: From logit to score, "sigmoid" or "identity"; None leaves it to config.json.
        max_length: Tokens a row may have, special tokens included; None leaves it to the other files.
        device: What it was prepared for, "cpu" or "cuda"; None for any.
        needs_vnni: Whether its int8 products are exact only on processors that add them in 32 bits.
        packed: Name of the ONNX file whose rows lie one behind the other, for CUDA; None where there is none.
        token_budget: Padded tokens of a batch, as measured on a device; None takes the device's own.
        batches_in_flight: Batches that run at once there; None likewise.
        captured_tokens: Padded tokens up to which a batch is a recording (CUDA graph) that is replayed there;
            None where none is.
        is_optimized: Whether ONNX Runtime's optimizations are in the graph and need no repeating.
        sha256: Hash of each file, by name.
        made: How it was prepared: source, device, versions, rewrites, differences. For people.
    """

    graph: str | None = None
    precision: str | None = None
    max_batch_rows: int | None = None
    activation: str | None = None
    max_length: int | None = None
    device: str | None = None
    needs_vnni: bool = False
    packed: str | None = None
    token_budget: int | None = None
    batches_in_flight: int | None = None
    captured_tokens: int | None = None
    is_optimized: bool = False
    sha256: dict[str, str] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> Manifest:
        """Read and check a directory's manifest; an empty one where there is none.

        Raises:
            ModelError: The file is there but says what cannot be.
        """
        path = directory / MANIFEST
        if not path.exists():
            return cls()
        said = read_json(path)
        known = {
            each.name: said[each.name] for each in fields(cls) if said.get(each.name) is not None
        }
        for name, (holds, wanted) in _RULES.items():
            if name in known and not holds(known[name]):
                raise ModelError(f"{path}: {name} must {wanted}")
        if "graph" in known and "precision" not in known:
            raise ModelError(f"{path}: precision must be one of {', '.join(PRECISIONS)}")
        return cls(**known)

    def write(self, directory: Path) -> None:
        """Write it as the directory's manifest."""
        said = {name: value for name, value in asdict(self).items() if value not in (None, {})}
        text = json.dumps(said, indent=1, ensure_ascii=False)
        (directory / MANIFEST).write_text(text + "\n", encoding="utf-8")


def digest(path: Path) -> str:
    """Give the SHA-256 of a file, in hexadecimal."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def check_is_there(path: Path, what: str, again: str) -> None:
    """Refuse a file that stands for one that was never fetched.

    Args:
        what: What it should hold.
        again: What to do where it is empty.

    Raises:
        ModelError: It is empty, or a pointer of Git LFS.
    """
    with path.open("rb") as file:
        start = file.read(40)
    if not start:
        raise ModelError(f"{path} is empty; {again} it again")
    if start.startswith(b"version https://git-lfs"):
        raise ModelError(f"{path} is a Git LFS pointer, not the {what}; run git lfs pull")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ModelError: The file cannot be read, or holds something else.
    """
    try:
        value = json.loads(path.read_bytes())
    except (OSError, RecursionError, ValueError) as error:
        raise ModelError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} must hold a JSON object, not {type(value).__name__}")
    return value


def _is_inside(name: Any) -> bool:
    return isinstance(name, str) and not Path(name).is_absolute() and ".." not in Path(name).parts


def _is_count(value: Any) -> bool:
    return type(value) is int and 1 <= value < 1 << 31


_RULES = {
    "graph": (_is_inside, "name a file in the directory"),
    "precision": (lambda it: it in PRECISIONS, f"be one of {', '.join(PRECISIONS)}"),
    "max_batch_rows": (_is_count, "be a whole number of at least 1"),
    "activation": (lambda it: it in ACTIVATIONS, f"be one of {', '.join(ACTIVATIONS)}"),
    "max_length": (_is_count, "be a whole number of at least 1"),
    "device": (lambda it: it in DEVICES, f"be one of {', '.join(DEVICES)}"),
    "needs_vnni": (lambda it: isinstance(it, bool), "be true or false"),
    "packed": (_is_inside, "name a file in the directory"),
    "token_budget": (_is_count, "be a whole number of at least 1"),
    "batches_in_flight": (_is_count, "be a whole number of at least 1"),
    "captured_tokens": (_is_count, "be a whole number of at least 1"),
    "is_optimized": (lambda it: isinstance(it, bool), "be true or false"),
    "sha256": (
        lambda it: (
            isinstance(it, dict)
            and all(_is_inside(name) and isinstance(value, str) for name, value in it.items())
        ),
        "give a hash for names of files in the directory",
    ),
    "made": (lambda it: isinstance(it, dict), "be an object"),
}
