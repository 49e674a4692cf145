"""From a model's name and options to an engine that runs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core import _core
from rerank_core._cpu import adds_int8_exactly, available_cpus
from rerank_core._devices import MAX_THREADS, Device, checked_device
from rerank_core._graphs import Captured, Graph, SessionOptions, load_graph, runs_or_is_no_model
from rerank_core._onnxruntime import check_provider, find_library, preload_cuda
from rerank_core.errors import InvalidArgumentError, ModelError
from rerank_core.models.store import ModelFiles, find, verify
from rerank_core.request import checked_bool, checked_bytes, checked_positive
from rerank_core.results import RerankerInfo
from rerank_core.tokenizer import Tokenizer

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["UNLIMITED", "Loaded", "load"]

_log = logging.getLogger("rerank_core")

_CAPTURED_WIDTH = 512  # a longer row takes its time whatever a launch takes

UNLIMITED = int(np.iinfo(np.int64).max)


@dataclass(frozen=True)
class Loaded:
    """A model ready to score."""

    engine: _core.Engine
    tokenizer: Tokenizer
    info: RerankerInfo
    graph: Graph  # shared with all who load it while somebody holds it


def load(
    model: str | os.PathLike[str],
    *,
    device: str,
    precision: str | None,
    revision: str | None,
    threads: int | None,
    token_budget: int | None,
    max_length: int | None,
    raw_scores: bool | None,
    provider_options: Mapping[str, str] | None,
    memory_limit: int | str | None,
    max_queued_rows: int | None,
    max_queued_tokens: int | None,
    when_full: str,
    cache_rows: int | None,
) -> Loaded:
    """Check the options, find and load the model, try it, start its engine.

    Arguments and errors are those of `Reranker`.
    """
    kind, options = checked_device(device, provider_options)
    if raw_scores is not None:
        checked_bool("raw_scores", raw_scores)
    threads = available_cpus() if threads is None else checked_positive("threads", threads)
    if threads > MAX_THREADS:
        raise InvalidArgumentError(f"threads must be <= {MAX_THREADS}, got {threads}")
    if token_budget is not None:
        token_budget = min(checked_positive("token_budget", token_budget), UNLIMITED)
    if cache_rows is not None:
        cache_rows = min(checked_positive("cache_rows", cache_rows), UNLIMITED)
    if memory_limit is not None:
        memory_limit = min(checked_bytes("memory_limit", memory_limit), UNLIMITED)
    queue = _checked_queue(max_queued_rows, max_queued_tokens, when_full)

    files = find(model, precision, revision)
    if raw_scores is None:
        raw_scores = _gives_logits(files)
    verify(files)  # 2026-11-30: on a thread beside library and tokenizer it gained nothing
    kind = kind.measured(files.manifest)
    token_budget = token_budget or kind.token_budget
    padded = files.graph
    files = _made_for(files, kind.name)
    on_cpu = kind.name == "cpu"
    library = find_library()
    version = check_provider(library, kind.provider)
    if not on_cpu:
        preload_cuda()
    tokenizer = Tokenizer(files.tokenizer)
    row_tokens = _checked_max_length(max_length, files, tokenizer)
    if memory_limit is not None and not on_cpu:
        options.setdefault("gpu_mem_limit", str(memory_limit))
    row_memory = (
        []
        if memory_limit is None or not on_cpu
        else _seen_memory(
            files, tokenizer, library=library, max_width=row_tokens, memory_limit=memory_limit
        )
    )
    graph = load_graph(
        files,
        tokenizer,
        SessionOptions(
            library,
            kind.provider,
            tuple(options.items()),
            files.manifest.is_optimized,
            threads=threads if on_cpu else 1,
            captured=_captured(padded, kind, files, memory_limit),
        ),
    )
    # A score belongs to its pair: where its company shows, every pair runs alone. On CUDA it may
    # show within the tolerance, for large batches are all of its speed. A few rows cannot show every
    # dependence: int8, whose scales are those of a batch unless its `rerank_core.json` says otherwise,
    # runs alone whatever was seen.
    max_batch_rows = files.manifest.max_batch_rows
    if on_cpu and (graph.depends_on_company or (files.precision == "int8" and not max_batch_rows)):
        max_batch_rows = 1
    engine = _core.Engine(
        model=graph.session,
        layout=tokenizer.layout,
        threads=threads,
        cpus=available_cpus(),
        max_batch_tokens=token_budget,
        max_batch_rows=max_batch_rows or UNLIMITED,
        width_multiple=kind.width_multiple if graph.session.has_attention_mask else 1,
        max_width=row_tokens,
        cache_rows=cache_rows or 0,
        row_memory=row_memory,
        memory_limit=(on_cpu and memory_limit) or UNLIMITED,
        max_runs=kind.batches_in_flight,
        **queue,
    )
    info = RerankerInfo(
        model=files.name,
        path=str(files.directory),
        precision=files.precision,
        provider=kind.provider,
        onnxruntime=version,
        tokenizer=tokenizer.name,
        max_length=row_tokens,
        threads=threads,
        token_budget=token_budget,
        max_batch_rows=max_batch_rows,
        batches_in_flight=min(threads, kind.batches_in_flight),
        captured_tokens=kind.captured_tokens if graph.session.captures else 0,
        packed=graph.session.is_packed,
        memory_limit=memory_limit,
        activation=str(files.traits.activation or files.traits.activation_entry),
        raw_scores=raw_scores,
    )
    return Loaded(engine, tokenizer, info, graph)


def _checked_queue(
    max_queued_rows: int | None, max_queued_tokens: int | None, when_full: Any
) -> dict[str, Any]:
    if when_full not in ("wait", "fail"):
        raise InvalidArgumentError(f"when_full must be 'wait' or 'fail', got {when_full!r}")
    queue: dict[str, Any] = {"refuse": when_full == "fail"}
    for name, bound in (
        ("max_queued_rows", max_queued_rows),
        ("max_queued_tokens", max_queued_tokens),
    ):
        if bound is not None:
            queue[name] = min(checked_positive(name, bound), UNLIMITED)
    return queue


def _seen_memory(
    files: ModelFiles, tokenizer: Tokenizer, *, library: Path, max_width: int, memory_limit: int
) -> list[tuple[int, int]]:
    """Run rows of many widths in a session that is thrown away; give widths with their bytes.

    Call before the model is loaded, so that its weights are never there twice.
    """
    with runs_or_is_no_model(files, tokenizer):
        seen = _core.probe_memory(
            library=library,
            model=files.graph,
            is_optimized=files.manifest.is_optimized,
            max_width=max_width,
            token_id=tokenizer.largest_id // 2,
        )
    width, least = seen[0]
    if least > memory_limit:
        raise InvalidArgumentError(
            f"memory_limit must be at least {least} bytes, which a row of {width} tokens takes, got "
            f"{memory_limit}"
        )
    return seen


def _made_for(files: ModelFiles, device: str) -> ModelFiles:
    """Give the files with the graph for a device."""
    made_for = files.manifest.device
    if made_for not in (None, device):
        _log.warning(
            "%s was prepared for %s and is slower on %s: prepare the model with --device %s",
            files.directory,
            made_for,
            device,
            device,
        )
    if files.manifest.needs_vnni and not adds_int8_exactly():
        raise ModelError(
            f"{files.directory} holds int8 weights of 8 bits, whose products overflow on this processor, "
            "which lacks VNNI: prepare the model again here, or with --reduce-range"
        )
    packed = files.manifest.packed
    return replace(files, graph=files.directory / packed) if packed and device == "cuda" else files


def _captured(
    padded: Path, kind: Device, files: ModelFiles, memory_limit: int | str | None
) -> Captured | None:
    """Give what is to be recorded; nothing under a limit, of which recordings would take a second one."""
    if not kind.captured_tokens or memory_limit is not None:
        return None
    return Captured(padded, kind.captured_tokens, min(files.max_length, _CAPTURED_WIDTH))


def _gives_logits(files: ModelFiles) -> bool:
    """Tell whether the model's own scores are its logits."""
    if files.traits.activation is None:
        raise ModelError(
            f"{files.directory / 'config.json'} names the activation "
            f"{files.traits.activation_entry!r} for {files.traits.num_labels} label(s); here are "
            "only Sigmoid (of two labels: Softmax) and Identity. Choose scores from 0 to 1 with "
            "raw_scores=False, or logits with raw_scores=True"
        )
    return files.traits.activation == "identity"


def _checked_max_length(max_length: int | None, files: ModelFiles, tokenizer: Tokenizer) -> int:
    least = tokenizer.layout.num_special + 1
    if files.max_length < least:
        raise ModelError(
            f"{files.directory} allows {files.max_length} tokens, but a pair has {least - 1} special "
            "tokens; check max_position_embeddings and model_max_length"
        )
    if max_length is None:
        return files.max_length
    if not least <= checked_positive("max_length", max_length) <= files.max_length:
        raise InvalidArgumentError(
            f"max_length must be between {least} and the model's {files.max_length}, got {max_length}"
        )
    return max_length
