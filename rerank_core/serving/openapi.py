"""An OpenAPI document for each dialect, made of the shapes that its requests are checked by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from rerank_core.serving.dialects.dialect import Dialect, Lookup, Operation

__all__ = ["document"]

_REF = "#/components/schemas/{name}"
_ERROR = {"description": "An error, in the shape of this API."}


def document(dialect: Dialect, version: str) -> dict[str, Any]:
    """Give the document of one dialect, whose paths are below its name.

    Args:
        dialect: Of whose API.
        version: Of this server.
    """
    shapes: list[Any] = [operation.request for operation in dialect.operations]
    shapes += [operation.reply for operation in dialect.operations]
    shapes += [lookup.reply for lookup in dialect.lookups]
    schemas, components = msgspec.json.schema_components(shapes, ref_template=_REF)
    requests, replies = schemas[: len(dialect.operations)], schemas[len(dialect.operations) :]
    paths: dict[str, Any] = {}
    for operation, request in zip(dialect.operations, requests, strict=True):
        for path in operation.paths:
            reply = replies[dialect.operations.index(operation)]
            paths[path] = {"post": _post(operation, path, request, reply)}
    for lookup, reply in zip(dialect.lookups, replies[len(dialect.operations) :], strict=True):
        paths[lookup.path] = {"get": _get(lookup, reply)}
    return {
        "openapi": "3.1.0",
        "info": {"title": f"rerank-core: {dialect.title}", "version": version},
        "servers": [{"url": f"/{dialect.name}"}],
        "paths": paths,
        "components": {"schemas": components},
    }


def _post(operation: Operation, path: str, request: Any, reply: Any) -> dict[str, Any]:
    return {
        "operationId": f"{operation.request.__name__}_{path.strip('/').replace('/', '_')}",
        "requestBody": {"required": True, "content": {"application/json": {"schema": request}}},
        "responses": _responses(reply),
    }


def _get(lookup: Lookup, reply: Any) -> dict[str, Any]:
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    parameters = [name] if "{name}" in lookup.path else []
    parameters += [
        {"name": key, "in": "query", "schema": {"type": "string", "enum": list(values)}}
        for key, values in lookup.parameters.items()
    ]
    return {"parameters": parameters, "responses": _responses(reply)}


def _responses(reply: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": reply}}
    return {"200": {"description": "OK", "content": content}, "4XX": _ERROR, "5XX": _ERROR}
