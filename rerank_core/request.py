"""The front door: every argument of a call is checked here, once, and named when it is wrong."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rerank_core.errors import InvalidArgumentError, InvalidTypeError, MissingFieldError

__all__ = [
    "TextOf",
    "checked_bool",
    "checked_bytes",
    "checked_documents",
    "checked_positive",
    "checked_query",
    "checked_rank_fields",
    "checked_truncate",
    "texts_of",
]

TextOf = Callable[[Any], str]


def checked_query(query: Any) -> str:
    """Give the query, or say why it is none."""
    if not isinstance(query, str):
        raise InvalidTypeError(f"query must be a string, got {type(query).__name__}")
    if not query.strip():
        raise InvalidArgumentError("query must be a non-empty string")
    return query


def checked_documents(documents: Any, what: str = "documents") -> list[Any]:
    """Give the documents as a list of the same objects; lists, tuples and 1-D arrays are taken."""
    if hasattr(documents, "tolist") and getattr(documents, "ndim", 0) == 1:
        return list(documents.tolist())
    if isinstance(documents, (str, bytes, bytearray)) or not isinstance(documents, Sequence):
        hint = ""
        if isinstance(documents, (str, bytes, bytearray, Mapping)):
            hint = "; put a single one into a list"
        elif hasattr(documents, "__iter__"):
            hint = f"; pass list({what})"
        raise InvalidTypeError(
            f"{what} must be a Sequence of strings or Sequence of mappings, got "
            f"{type(documents).__name__}{hint}"
        )
    return list(documents)


def texts_of(
    documents: Sequence[Any], rank_fields: Sequence[str], text_of: TextOf | None
) -> list[str]:
    """Give the text of each document: itself, its fields joined by a newline, or text_of's answer."""
    if text_of is not None:
        if not callable(text_of):
            raise InvalidTypeError(f"text_of must be callable, got {type(text_of).__name__}")
        return [_called(text_of, document, index) for index, document in enumerate(documents)]
    return [
        document if isinstance(document, str) else _fields(document, rank_fields, index)
        for index, document in enumerate(documents)
    ]


def _called(text_of: TextOf, document: Any, index: int) -> str:
    text = text_of(document)
    if not isinstance(text, str):
        raise InvalidTypeError(
            f"text_of must return a string, got {type(text).__name__} for the document at index "
            f"{index}"
        )
    return text


def _fields(document: Any, rank_fields: Sequence[str], index: int) -> str:
    if not isinstance(document, Mapping):
        hint = "; decode it first" if isinstance(document, (bytes, bytearray)) else ""
        raise InvalidTypeError(
            f"each document must be a string or mapping, got {type(document).__name__} at index "
            f"{index}{hint}"
        )
    if not rank_fields:
        raise InvalidArgumentError("rank_fields must name at least one field")
    values = []
    for field in rank_fields:
        if field not in document:
            raise MissingFieldError(f"field '{field}' not found in document at index {index}")
        value = document[field]
        if not isinstance(value, str):
            raise InvalidTypeError(
                f"field '{field}' of the document at index {index} must be a string, got "
                f"{type(value).__name__}"
            )
        values.append(value)
    return "\n".join(values)


def checked_rank_fields(rank_fields: Any) -> list[str]:
    """Give the fields in their order; a bare string would be read letter by letter and is refused."""
    if isinstance(rank_fields, str) or not isinstance(rank_fields, Sequence):
        raise InvalidTypeError(
            f"rank_fields must be a list of field names, got {type(rank_fields).__name__}"
        )
    for field in rank_fields:
        if not isinstance(field, str):
            raise InvalidTypeError(
                f"rank_fields must be a list of field names, got {type(field).__name__} in it"
            )
    return list(rank_fields)


def checked_positive(name: str, value: Any) -> int:
    """Give a whole number of at least 1; True and 2.0 are no counts."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise InvalidTypeError(f"{name} must be an integer, got {type(value).__name__}")
    if number < 1:
        raise InvalidArgumentError(f"{name} must be >= 1, got {number}")
    return number


def checked_bytes(name: str, value: Any) -> int:
    """Give a number of bytes from a whole number, or from text such as "512MB" or "1.5 GiB"."""
    if not isinstance(value, str):
        return checked_positive(name, value)
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) *([KMGT]i?)?B", value.strip(), re.IGNORECASE)
    if found is None:
        raise InvalidArgumentError(
            f"{name} must be a number of bytes, or text such as '512MB' or '1.5GiB', got {value!r}"
        )
    number, unit = found[1], (found[2] or "").upper()
    factor = (1024 if unit.endswith("I") else 1000) ** " KMGT".index(unit[:1] or " ")
    return checked_positive(name, int(float(number) * factor))


def checked_bool(name: str, value: Any) -> bool:
    """Give a truth value; "false" is none."""
    if not isinstance(value, bool):
        raise InvalidTypeError(f"{name} must be True or False, got {type(value).__name__}")
    return value


def checked_truncate(truncate: Any) -> str:
    """Give "END" or "NONE"."""
    if not isinstance(truncate, str):
        raise InvalidTypeError(f"truncate must be 'END' or 'NONE', got {type(truncate).__name__}")
    if truncate not in ("END", "NONE"):
        raise InvalidArgumentError(f"truncate must be 'END' or 'NONE', got '{truncate}'")
    return truncate
