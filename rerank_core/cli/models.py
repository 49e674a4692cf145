"""`rerank-core models`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from rerank_core.inference import Inference
from rerank_core.models.hub.cache import cached_models

if TYPE_CHECKING:
    import argparse

__all__ = ["add_models"]


def add_models(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    models = commands.add_parser(
        "models", help="list the models that are served, and those downloaded from the hub"
    )
    models.set_defaults(run=_models)
    models.add_argument("--json", action="store_true", help="one JSON object per line")


def _models(arguments: argparse.Namespace) -> None:
    with Inference() as inference:
        rows = [(info, inference.weights(info.model)) for info in inference.list_models()]
    cached = cached_models()
    if arguments.json:
        for info, weights in rows:
            print(json.dumps({**info.to_dict(), "weights": weights}))
        for found in cached:
            print(json.dumps({**asdict(found), "weights": found.directory}))
        return
    print(f"{'model':<22} {'tokens':>6} {'documents':>9}  weights")
    for info, weights in rows:
        documents = "any" if info.max_batch_size is None else str(info.max_batch_size)
        print(
            f"{info.model:<22} {info.max_sequence_length:>6} {documents:>9}  "
            f"{weights or 'none here: Inference(models={name: directory or hub id})'}"
        )
    if cached:
        width = max(len("downloaded from the hub"), *(len(found.model) for found in cached))
        print(f"\n{'downloaded from the hub':<{width}}  {'revision':<16} {'MB':>7}  precision")
    for found in cached:
        revision = " ".join((found.revision[:8], *found.refs))
        precisions = ", ".join(found.precisions)
        print(f"{found.model:<{width}}  {revision:<16} {found.size / 1e6:>7.1f}  {precisions}")
