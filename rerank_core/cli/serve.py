"""`rerank-core serve`."""

from __future__ import annotations

import argparse
import os

from rerank_core.errors import FailedPreconditionError
from rerank_core.serving.settings import ENVIRONMENT, KEYS, load_settings

__all__ = ["add_serve"]


def add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    command = commands.add_parser(
        "serve",
        help="answer HTTP requests as the rerank APIs of the providers do",
        description="Serve models to the clients of Pinecone, Cohere, Jina, Voyage and others. Each option "
        f"is also a variable of the environment ({ENVIRONMENT}PORT) and a key of the file (port). API keys "
        f"are read from {ENVIRONMENT}API_KEYS, with commas, or from --api-keys-file.",
    )
    command.set_defaults(run=_serve)
    command.add_argument(
        "--config", metavar="FILE", help="TOML; flags and environment go before it"
    )
    for name, key in KEYS.items():
        description = key.metadata["description"]
        flag = "--" + name.replace("_", "-")
        if name == "models":
            command.add_argument(
                "--model",
                dest="models",
                action="append",
                metavar="NAME=WEIGHTS",
                help=f"{description}; again for more",
            )
        elif key.type == "bool":
            action = argparse.BooleanOptionalAction
            command.add_argument(flag, action=action, default=None, help=description)
        else:
            command.add_argument(flag, metavar=name.rsplit("_", 1)[-1].upper(), help=description)


def _serve(arguments: argparse.Namespace) -> None:
    settings = load_settings(vars(arguments), os.environ, arguments.config)
    try:
        from rerank_core.serving.server import serve  # noqa: PLC0415  (an extra)
    except ModuleNotFoundError as error:
        raise FailedPreconditionError(
            f"a server needs {error.name}: pip install 'rerank-core[server]'"
        ) from None
    serve(settings)
