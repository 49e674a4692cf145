"""What config.json and the files beside it say of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rerank_core.errors import ModelError
from rerank_core.models.manifest import read_json

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Traits"]

# Positions of these start at pad_token_id + 1, so their table is longer than a row may be.
_OFFSET_POSITIONS = frozenset(
    {"camembert", "data2vec-text", "mpnet", "roberta", "xlm-roberta", "xlm-roberta-xl", "xmod"}
)
_DEFAULT_MAX_LENGTH = 512
_MAX_LABELS = 2
# By number of labels: from the last name of PyTorch's class to what makes our score of the logit.
# Two logits reach us as their difference, whose sigmoid is their softmax; sentence-transformers
# writes Identity for them, which leaves two numbers where a score is one.
_ACTIVATIONS = {
    1: {"Sigmoid": "sigmoid", "Identity": "identity"},
    2: {"Softmax": "sigmoid", "Identity": "sigmoid"},
}


@dataclass(frozen=True)
class Traits:
    """A model as its configuration describes it.

    Attributes:
        model_type: "bert", "xlm-roberta", ...; None where nothing is said.
        architecture: The class it was saved from, or None.
        max_length: Tokens a row may have, special tokens included.
        num_labels: Logits of a row, 1 or 2.
        type_vocab_size: Number of type ids, or None.
        activation: From logit to score: "sigmoid" (of two logits: softmax, the second one's), or
            "identity"; None where the files name one that is neither.
        activation_entry: The activation as the files name it, or None.
    """

    model_type: str | None
    architecture: str | None
    max_length: int
    num_labels: int
    type_vocab_size: int | None
    activation: str | None
    activation_entry: str | None

    @classmethod
    def read(cls, directory: Path) -> Traits:
        """Read a model directory's config.json, and tokenizer_config.json if there is one.

        Raises:
            ModelError: A file cannot be read, or is of a model that gives more than two logits.
        """
        path = directory / "config.json"
        config = read_json(path)
        labels = _num_labels(path, config)
        entry = _activation_entry(config)
        architectures = config.get("architectures")
        model_type = config.get("model_type")
        type_vocab_size = config.get("type_vocab_size")
        return cls(
            model_type=model_type if isinstance(model_type, str) else None,
            architecture=str(architectures[0])
            if isinstance(architectures, list) and architectures
            else None,
            max_length=_max_length(directory, config),
            num_labels=labels,
            type_vocab_size=type_vocab_size if _is_int(type_vocab_size) else None,
            activation="sigmoid"
            if entry is None
            else _ACTIVATIONS[labels].get(entry.rpartition(".")[2]),
            activation_entry=entry,
        )


def _is_int(value: Any) -> bool:
    return type(value) is int


def _num_labels(path: Path, config: dict[str, Any]) -> int:
    named = config.get("id2label")
    declared = config.get("num_labels")
    if isinstance(named, dict) and named:
        count = len(named)
    elif type(declared) is int and declared >= 1:
        named, count = None, declared
    else:  # transformers does not write the two labels that are its default
        named, count = None, 2 if "transformers_version" in config else 1
    if count > _MAX_LABELS:
        names = list(map(str, named.values()))[:5] if named else []
        told = f" ({', '.join(names)}{', ...' if count > len(names) else ''})" if names else ""
        raise ModelError(
            f"{path} is that of a model with {count} labels{told}; a reranker has one, or two of "
            "which the second means relevant"
        )
    return count


def _activation_entry(config: dict[str, Any]) -> str | None:
    """Give what sentence-transformers wrote of its activation, in the new place or the old one."""
    section = config.get("sentence_transformers")
    entry = section.get("activation_fn") if isinstance(section, dict) else None
    if entry is None:
        entry = config.get("sbert_ce_default_activation_function")
    return None if entry is None else str(entry)


def _max_length(directory: Path, config: dict[str, Any]) -> int:
    """Give the smaller of what the position table and the tokenizer's own limit allow."""
    limits = []
    positions = config.get("max_position_embeddings")
    if isinstance(positions, int) and 0 < positions < 1 << 31:
        offset = 0
        if str(config.get("model_type")) in _OFFSET_POSITIONS:
            pad = config.get("pad_token_id")
            offset = (pad if isinstance(pad, int) else 1) + 1
        limits.append(positions - offset)
    path = directory / "tokenizer_config.json"
    if path.exists():
        declared = read_json(path).get("model_max_length")
        # Files without a limit say 1e30.
        if isinstance(declared, int) and 0 < declared < 1 << 31:
            limits.append(declared)
    return min(limits, default=_DEFAULT_MAX_LENGTH)
