"""Options that several commands have: which model scores, what it reads, and on which scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

__all__ = ["add_scoring_options", "rank_fields", "raw_scores", "reranker_options"]

_SCORES = {"model": None, "sigmoid": False, "raw": True}


def add_scoring_options(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    parser.add_argument(
        "--model", default="bundled", help="'bundled', a model directory or a hub id"
    )
    parser.add_argument("--revision", help="branch, tag or commit of a hub id; default: main")
    parser.add_argument(
        "--rank-fields", default="text", metavar="A,B", help="fields of a document; default: text"
    )
    parser.add_argument("--truncate", choices=("END", "NONE"), default="END")
    parser.add_argument(
        "--threads", type=int, metavar="N", help="default: the CPUs of this process"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--precision", choices=("fp32", "fp16", "int8"))
    parser.add_argument(
        "--scores",
        choices=tuple(_SCORES),
        default="model",
        help="sigmoid: from 0 to 1; raw: logits; default: what the model's files say",
    )


def reranker_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Give the options of `Reranker`, but for its scale."""
    names = ("revision", "device", "precision", "threads")
    return {name: getattr(arguments, name) for name in names}


def rank_fields(arguments: argparse.Namespace) -> list[str]:
    """Give the fields that make a document's text."""
    return [field.strip() for field in arguments.rank_fields.split(",")]


def raw_scores(arguments: argparse.Namespace) -> bool | None:
    """Give the scale that was asked for, as `Reranker` takes it."""
    return _SCORES[arguments.scores]
