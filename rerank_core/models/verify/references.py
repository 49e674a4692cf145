"""Scores that were published for models: a file of them, and one that is built in."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rerank_core.errors import InvalidArgumentError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

__all__ = ["KINDS", "Case", "cases_of", "read_cases"]

_NAMED = 5  # names that an error lists
KINDS = ("sigmoid", "tanh", "logit", "order only")


@dataclass(frozen=True)
class Case:
    """Scores that somebody published.

    Attributes:
        id: What they are called.
        model: Name of the model, as published.
        query: The query; empty where a single text was scored, which is no pair and passed over.
        documents: The documents.
        scores: One for each; None where it was not published.
        order: Indices of the documents, best first, where only that was published.
        kind: Scale of the scores: starts with "sigmoid", "tanh", "logit" or "order only".
        tolerance_abs: How far a score may be off, or None.
        tolerance_rel: The same as a share of the score; the larger of both holds. A case with neither is
            shown and decides nothing.
    """

    id: str
    model: str
    query: str
    documents: tuple[str, ...]
    scores: tuple[float | None, ...]
    order: tuple[int, ...] = ()
    kind: str = "sigmoid"
    tolerance_abs: float | None = None
    tolerance_rel: float | None = None

    @property
    def decides(self) -> bool:
        """Whether the case says how far a score may be off."""
        return bool(self.order) or (self.tolerance_abs, self.tolerance_rel) != (None, None)


# The example of docs.pinecone.io/reference/api/inference/rerank (2025-04), whose logits are half
# precision; the page's own curl variant is up to 3.4 % off it.
_BUILT_IN = (
    Case(
        id="pinecone-apple",
        model="BAAI/bge-reranker-v2-m3",
        query="The tech company Apple is known for its innovative products like the iPhone.",
        documents=(
            "Apple is a popular fruit known for its sweetness and crisp texture.",
            "Many people enjoy eating apples as a healthy snack.",
            (
                "Apple Inc. has revolutionized the tech industry with its sleek designs and "
                "user-friendly interfaces."
            ),
            "An apple a day keeps the doctor away, as the saying goes.",
        ),
        scores=(0.048405956, 0.0006563728, 0.48357219, 0.007846239),
        tolerance_rel=0.05,
    ),
)


def read_cases(path: str | os.PathLike[str]) -> list[Case]:
    """Read published scores, and add those that are built in.

    Args:
        path: JSON, ``{"cases": [{"id", "model", "query", "documents", "scores", "score_kind",
            "tolerance_abs" or "tolerance_rel"}]}``; "order" takes the place of scores that are null.

    Raises:
        InvalidArgumentError: It is missing, not JSON, or of another shape.
    """
    try:
        said = json.loads(Path(path).read_bytes())
    except (OSError, RecursionError, ValueError) as error:
        raise InvalidArgumentError(f"references {path} cannot be read as JSON: {error}") from error
    cases = said.get("cases") if isinstance(said, dict) else None
    if not isinstance(cases, list):
        raise InvalidArgumentError(
            f'references {path} must hold {{"cases": [...]}}, each with model, query, documents '
            "and scores"
        )
    return [*(_read(case, f"{path}: cases[{i}]") for i, case in enumerate(cases)), *_BUILT_IN]


def _read(said: Any, where: str) -> Case:
    if not isinstance(said, dict):
        raise InvalidArgumentError(f"references {where} must be an object")
    for name, holds, wanted in _RULES:
        if not holds(said):
            raise InvalidArgumentError(f"references {where}: {name} must be {wanted}")
    scores, count = said.get("scores"), len(said["documents"])
    return Case(
        id=said["id"],
        model=said["model"],
        query=said.get("query") or "",
        documents=tuple(said["documents"]),
        scores=(None,) * count if scores is None else tuple(scores),
        order=tuple(said["order"]) if scores is None else (),
        kind=said["score_kind"],
        tolerance_abs=said.get("tolerance_abs"),
        tolerance_rel=said.get("tolerance_rel"),
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _are_documents(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(it, str) for it in value)


def _are_scores(value: Any, count: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == count
        and all(it is None or _is_number(it) for it in value)
    )


def _is_order(value: Any, count: int) -> bool:
    return (
        isinstance(value, list)
        and all(type(it) is int for it in value)
        and sorted(value) == list(range(count))
    )


def _is_tolerance(value: Any) -> bool:
    return value is None or (_is_number(value) and value >= 0)


# What a case must be, in the order in which it is asked.
_RULES: tuple[tuple[str, Callable[[dict[str, Any]], bool], str], ...] = (
    ("id", lambda it: _is_text(it.get("id")), "a non-empty string"),
    ("model", lambda it: _is_text(it.get("model")), "a non-empty string"),
    (
        "query",
        lambda it: it.get("query") is None or _is_text(it["query"]),
        "a non-empty string, or null for a single text",
    ),
    ("documents", lambda it: _are_documents(it.get("documents")), "strings, at least one"),
    (
        "scores",
        lambda it: it.get("scores") is None or _are_scores(it["scores"], len(it["documents"])),
        "a number or null for each document",
    ),
    (
        "order",
        lambda it: it.get("scores") is not None or _is_order(it.get("order"), len(it["documents"])),
        "the index of each document, best first, where scores are null",
    ),
    (
        "score_kind",
        lambda it: _is_text(it.get("score_kind")) and it["score_kind"].startswith(KINDS),
        f"one that starts with {', '.join(KINDS)}",
    ),
    ("tolerance_abs", lambda it: _is_tolerance(it.get("tolerance_abs")), "a number of at least 0"),
    ("tolerance_rel", lambda it: _is_tolerance(it.get("tolerance_rel")), "a number of at least 0"),
)


def cases_of(cases: Sequence[Case], names: Sequence[str]) -> list[Case]:
    """Give the cases of a model.

    Args:
        cases: Those of all models.
        names: What the model may be called; the first that some case has holds. A name without an owner
            stands for that of any owner, if there is only one.

    Raises:
        InvalidArgumentError: No case is of this model, or those of several might be.
    """
    cases = [case for case in cases if case.query]
    for name in names:
        wanted = _parts(name)
        found = [case for case in cases if _is_same(_parts(case.model), wanted)]
        owners = sorted({_plain(case.model) for case in found if _parts(case.model)[0]})
        if len({owner.lower() for owner in owners}) > 1:
            raise InvalidArgumentError(
                f"'{name}' may be any of {', '.join(owners)}; say which by --model-name OWNER/NAME"
            )
        if found:
            return found
    known = sorted({_plain(case.model) for case in cases})
    near = [
        model
        for name in names
        for model in known
        if difflib.get_close_matches(_parts(name)[1], [_parts(model)[1]], cutoff=0.5)
    ]
    named = list(dict.fromkeys(near))
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    hint = f"near names are {', '.join(named[:_NAMED])}{more}" if near else "no name is near"
    raise InvalidArgumentError(
        f"no published scores for {' or '.join(map(repr, names))}; {hint}. Say what the model is called "
        "by --model-name OWNER/NAME"
    )


def _plain(model: str) -> str:
    """Give a name without remarks in brackets behind it."""
    return re.sub(r"\s*\(.*", "", model)


def _parts(model: str) -> tuple[str, str]:
    owner, _, name = _plain(model).lower().rpartition("/")
    return owner, name


def _is_same(case: tuple[str, str], wanted: tuple[str, str]) -> bool:
    return case[1] == wanted[1] and (case[0] == wanted[0] or not (case[0] and wanted[0]))
