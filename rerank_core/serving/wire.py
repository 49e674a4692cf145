"""JSON as a server must read it: strictly, and with a complaint that names the field."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import msgspec

from rerank_core.serving.refusals import BodyError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["checked", "encoded", "parsed"]

_Request = TypeVar("_Request")

_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_WHERE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>.*)`)?$", re.DOTALL)


def parsed(body: bytes) -> dict[str, Any]:
    """Give the JSON object that a body holds.

    Stricter than the standard library: UTF-8 only, no NaN or infinity, no number that would become
    one, no key twice in an object.

    Raises:
        BodyError: It holds none.
    """
    try:
        found = _DECODER.decode(body.decode())
    except UnicodeDecodeError as error:
        raise BodyError("syntax", "", f"the body is not UTF-8, at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise BodyError(
            "syntax", "", f"{error.msg} at line {error.lineno} column {error.colno}"
        ) from None
    except RecursionError:
        raise BodyError("syntax", "", "the body is nested too deeply") from None
    except ValueError as error:  # an integer of thousands of digits
        raise BodyError("syntax", "", str(error)) from None
    if not isinstance(found, dict):
        raise BodyError("value", "", f"expected an object, got {_json_type(found)}")
    return found


def checked(request: type[_Request], body: Mapping[str, Any]) -> _Request:
    """Give the body as a dialect's request.

    Raises:
        BodyError: A field is missing, unknown where none may be, or of the wrong type.
    """
    try:
        return msgspec.convert(body, request)
    except msgspec.ValidationError as error:
        raise _explained(str(error)) from None


def encoded(reply: Any) -> bytes:
    """Give the JSON of a reply; what was left unset in it is absent."""
    try:
        return msgspec.json.encode(reply)
    except UnicodeEncodeError:  # a document's lone surrogate, which JSON can say and UTF-8 cannot
        return json.dumps(msgspec.to_builtins(reply), separators=(",", ":")).encode()


def _explained(complaint: str) -> BodyError:
    match = _WHERE.match(complaint)
    assert match is not None  # noqa: S101  (it matches any text)
    what, path = match["what"], re.sub(r"^\$\.?", "", match["path"] or "")
    if named := _MISSING.fullmatch(what):
        return BodyError(
            "missing", _joined(path, named["name"]), f"missing field `{named['name']}`"
        )
    if named := _UNKNOWN.fullmatch(what):
        return BodyError(
            "unknown", _joined(path, named["name"]), f"unknown field `{named['name']}`"
        )
    return BodyError("value", path, what[:1].lower() + what[1:])


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BodyError("syntax", "", f"duplicate field `{twice}`")
    return found


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise BodyError("syntax", "", f"number out of range: {text[:40]}")
    return number


def _constant(name: str) -> NoReturn:
    raise BodyError("syntax", "", f"{name} is not JSON")


def _json_type(value: Any) -> str:
    if value is None:
        return "null"
    return {list: "an array", str: "a string", bool: "a boolean"}.get(type(value), "a number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_constant=_constant
)
