"""How a tokenizer.json frames texts and pairs with special tokens: its post-processor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Frames", "Piece", "read"]

# "special", "query" or "document"; the id of a special token; the type id.
Piece = tuple[str, int, int]


@dataclass(frozen=True)
class Frames:
    """The order of special tokens and texts.

    Attributes:
        single: Of one text, which is called a document.
        pair: Of a query and a document.
    """

    single: list[Piece]
    pair: list[Piece]


_BARE = Frames(single=[("document", 0, 0)], pair=[("query", 0, 0), ("document", 0, 1)])


def read(config: Mapping[str, Any] | None) -> Frames:
    """Read the ``post_processor`` of a tokenizer.json.

    Source: the post-processors of huggingface/tokenizers (``PostProcessor::process``); without one
    the two sequences follow each other with type ids 0 and 1.

    Raises:
        ValueError: It is of a type, or a sequence of types, that is not known.
        KeyError, TypeError, IndexError: It is broken.
    """
    if config is None:
        return _BARE
    steps = _steps(config)
    if not steps:
        return _BARE
    if len(steps) == 1 and steps[0]["type"] in _READERS:
        return _READERS[steps[0]["type"]](steps[0])
    raise ValueError(
        f"the post_processor {[step['type'] for step in steps]} is not one of {sorted(_READERS)}"
    )


def _steps(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give the steps that frame: a ByteLevel step only moves character offsets."""
    if config["type"] == "Sequence":
        return [step for inner in config["processors"] for step in _steps(inner)]
    return [] if config["type"] == "ByteLevel" else [config]


def _from_template(step: Mapping[str, Any]) -> Frames:
    def pieces(template: list[Mapping[str, Any]]) -> list[Piece]:
        found: list[Piece] = []
        for piece in template:
            if "Sequence" in piece:
                kind = "query" if piece["Sequence"]["id"] == "A" else "document"
                found.append((kind, 0, piece["Sequence"]["type_id"]))
            else:
                special = piece["SpecialToken"]
                ids = step["special_tokens"][special["id"]]["ids"]
                found += [("special", token, special["type_id"]) for token in ids]
        return found

    single = [
        ("document" if kind == "query" else kind, token, type_id)
        for kind, token, type_id in pieces(step["single"])
    ]
    if sum(kind == "document" for kind, _, _ in single) != 1:
        raise ValueError("its template of one text does not hold that exactly once")
    return Frames(single, pieces(step["pair"]))


def _from_bert(step: Mapping[str, Any]) -> Frames:
    cls, sep = step["cls"][1], step["sep"][1]
    head: list[Piece] = [("special", cls, 0)]
    return Frames(
        [*head, ("document", 0, 0), ("special", sep, 0)],
        [*head, ("query", 0, 0), ("special", sep, 0), ("document", 0, 1), ("special", sep, 1)],
    )


def _from_roberta(step: Mapping[str, Any]) -> Frames:
    cls, sep = step["cls"][1], step["sep"][1]
    head: list[Piece] = [("special", cls, 0)]
    end: Piece = ("special", sep, 0)
    return Frames(
        [*head, ("document", 0, 0), end],
        [*head, ("query", 0, 0), end, end, ("document", 0, 0), end],
    )


_READERS = {
    "TemplateProcessing": _from_template,
    "BertProcessing": _from_bert,
    "RobertaProcessing": _from_roberta,
}
