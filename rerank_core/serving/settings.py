"""What a server is told: by flags, then by the environment, then by one TOML file, then by default.

A key has one name everywhere: ``max_documents`` in the file, ``--max-documents`` as a flag,
``RERANK_CORE_MAX_DOCUMENTS`` in the environment.
"""

from __future__ import annotations

import math
import sys
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rerank_core.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENVIRONMENT", "KEYS", "Settings", "load_settings"]

ENVIRONMENT = "RERANK_CORE_"


def _key(description: str, *, default: Any, least: float = 0, most: float = math.inf) -> Any:
    told = {"description": description, "least": least, "most": most}
    return field(default=default, metadata=told)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that a server can be told; each key's description is its help on the command line."""

    host: str = _key("address to listen on", default="127.0.0.1")
    port: int = _key("port to listen on; 0 takes a free one", default=8000, least=0, most=65535)
    dialect: str | None = _key("the only API to speak, pinecone say; default: all", default=None)
    models: dict[str, str] = field(
        default_factory=lambda: {"bundled": "bundled"},
        metadata={"description": "weights by served name: 'bundled', a directory or a hub id"},
    )
    default_model: str | None = _key(
        "served name that answers where a request has none; default: the first", default=None
    )
    api_keys_file: str | None = _key("file with one API key a line; default: no keys", default=None)

    max_body_bytes: int = _key("largest body of a request", default=10 * 1024 * 1024, least=1)
    max_documents: int = _key("most documents of a request", default=10_000, least=1)
    max_concurrent: int = _key("requests answered at once; more get 429", default=256, least=1)
    timeout: float = _key("seconds for a request, from headers to scores", default=60.0, least=0)
    read_timeout: float = _key(
        "seconds for a request's headers, and for its body", default=15.0, least=0
    )
    keep_alive: int = _key("seconds that an idle connection stays open", default=75, least=1)
    shutdown_timeout: int = _key(
        "seconds to finish what is accepted when stopped", default=30, least=1
    )

    device: str = _key("cpu, cuda or cuda:N", default="cpu")
    precision: str | None = _key("fp32, fp16 or int8: of the graphs to load", default=None)
    threads: int | None = _key(
        "workers of each model; default: this process's CPUs", default=None, least=1
    )
    max_queued_rows: int = _key(
        "pairs that may wait for a model; more get 429", default=10_000, least=1
    )
    max_queued_tokens: int | None = _key("the same in tokens; default: any", default=None, least=1)

    tls_certfile: str | None = _key("certificate, for HTTPS", default=None)
    tls_keyfile: str | None = _key("its private key", default=None)
    access_log: bool = _key("log one line of JSON for each request", default=True)
    metrics: bool = _key("serve /metrics", default=True)
    page: bool = _key("serve a page for people at /", default=True)


KEYS: dict[str, Field[Any]] = {key.name: key for key in fields(Settings)}


def load_settings(
    flags: Mapping[str, Any], environment: Mapping[str, str], file: str | Path | None = None
) -> Settings:
    """Put together what a server is told.

    Args:
        flags: Values by key, as text or of their own type; None where a flag was not given.
        environment: Variables of the process.
        file: A TOML file, or None.

    Raises:
        InvalidArgumentError: A value cannot be; the message names its key and where it stands.

    Example:
        >>> from rerank_core.serving.settings import load_settings
        >>> load_settings({"port": "80"}, {"RERANK_CORE_HOST": "::1"}).host
        '::1'
    """
    found: dict[str, Any] = {}
    if file is not None:
        for name, value in _read(Path(file)).items():
            if name not in KEYS:
                known = ", ".join(KEYS)
                raise InvalidArgumentError(f"{file}: there is no key '{name}'; keys are {known}")
            found[name] = _value(KEYS[name], value, f"{file}: {name}")
    for name, key in KEYS.items():
        variable = ENVIRONMENT + name.upper()
        if variable in environment:
            found[name] = _value(key, _from_text(key, environment[variable]), variable)
        if flags.get(name) is not None:
            flag = "--model" if name == "models" else "--" + name.replace("_", "-")
            found[name] = _value(key, _from_text(key, flags[name]), flag)
    return _checked(Settings(**found))


def _read(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415  (only a server with a file needs it)
    else:
        import tomli as tomllib  # noqa: PLC0415
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidArgumentError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # TOML's and UTF-8's
        raise InvalidArgumentError(f"{path} is not TOML: {error}") from error


def _kind(key: Field[Any]) -> str:
    return str(key.type).removesuffix(" | None")


def _from_text(key: Field[Any], value: Any) -> Any:
    """Give what a text means, or the text where it means nothing of the kind."""
    if _kind(key) == "dict[str, str]":
        entries = value.split(",") if isinstance(value, str) else value
        # NAME alone serves weights under their own name.
        return {name: weights or name for name, _, weights in (e.partition("=") for e in entries)}
    if not isinstance(value, str):
        return value
    if _kind(key) == "bool":
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
    try:
        return {"int": int, "float": float}[_kind(key)](value)
    except (KeyError, ValueError):
        return value


def _value(key: Field[Any], value: Any, where: str) -> Any:
    """Give a value that may be one of the key's, or say what it should have been."""
    kind, least, most = _kind(key), key.metadata.get("least", 0), key.metadata.get("most", math.inf)
    if kind == "float" and type(value) is int:
        value = float(value)
    good = {
        "str": isinstance(value, str) and value != "",
        "bool": isinstance(value, bool),
        "int": type(value) is int and least <= value <= most,
        "float": isinstance(value, float) and 0 < value < math.inf,
        "dict[str, str]": isinstance(value, dict)
        and all(isinstance(each, str) and each for each in (*value, *value.values()))
        and len(value) > 0,
    }
    if not good[kind]:
        bounds = f" to {most}" if most < math.inf else " or more"
        wanted = {
            "str": "a text that is not empty",
            "bool": "true or false",
            "int": f"a whole number, {least}{bounds}",
            "float": "a number above 0",
            "dict[str, str]": "at least one NAME with its weights, none of them empty",
        }
        raise InvalidArgumentError(f"{where}: must be {wanted[kind]}, got {value!r}")
    return value


def _checked(settings: Settings) -> Settings:
    """Refuse what does not go together."""
    if settings.default_model is not None and settings.default_model not in settings.models:
        served = ", ".join(settings.models)
        raise InvalidArgumentError(
            f"default_model: must be a served name ({served}), got '{settings.default_model}'"
        )
    if settings.tls_keyfile is not None and settings.tls_certfile is None:
        raise InvalidArgumentError("tls_keyfile: needs tls_certfile")
    return settings
