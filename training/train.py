"""Trains the scorer on groups: the positive against its negatives, by softmax."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from . import develop
from .batches import Encoded, Recipe, Sampler
from .corpus import GENRES
from .model import Scorer, Shape
from .prepare import read

START = 1  # seed of the networks before training
WARM_UP = 100  # steps
CHECKPOINT = 200  # steps
SLOWEST = 0.03  # of the learning rate, at the end of the cosine


@dataclass(frozen=True)
class Settings:
    """How one run is trained.

    Args:
        steps: Updates.
        rate: Learning rate of the networks; that of the tables is a share of it.
        penalty: On the spread of the learned part within a group: what BM25 knows holds in any
            collection, what is learned may not.
        without: A genre that asks no question, to see how the rest carries over to it.
        vectors: "associations", or "counts" for those that they start from.
        learned, topic, hidden: Dimensions, see `model.Shape`.
    """

    steps: int = 1200
    rate: float = 2e-3
    vector_rate: float = 0.15
    weight_rate: float = 0.3
    penalty: float = 0.05
    weight_penalty: float = 1e-4
    seed: int = 1
    without: str = ""
    vectors: str = "associations"
    learned: int = 64
    topic: int = 64
    hidden: int = 64
    recipe: Recipe = field(default_factory=Recipe)


def train(work: Path, run: Path, settings: Settings, threads: int) -> None:
    """Train from the prepared work folder, going on from the last checkpoint of the same run."""
    torch.set_num_threads(threads)
    run.mkdir(parents=True, exist_ok=True)
    data: Encoded = read(work / "groups.pkl")
    scorer = started(work, settings)
    genres = set(GENRES.values()) - {settings.without}
    optimizer, rates = _optimizer(scorer, settings)
    losses: list[float] = []
    first = _resumed(run / "checkpoint.pt", scorer, optimizer, losses)
    sampler = Sampler(
        data,
        data.chosen("scorer", genres),
        settings.recipe,
        scorer.classes.numpy(),
        scorer.weights.numpy(),
        settings.seed,
    )
    begun = time.monotonic()
    scorer.train()
    for step, batch in enumerate(sampler.steps(settings.steps)):
        if step < first:
            continue
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * _schedule(step, settings.steps)
        losses.append(_update(scorer, optimizer, batch, settings))
        if (step + 1) % CHECKPOINT == 0:
            state = {"model": scorer.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save({**state, "step": step + 1, "losses": losses}, run / "checkpoint.pt")
            recent = np.mean(losses[-CHECKPOINT:])
            print(f"{step + 1} loss {recent:.4f} {time.monotonic() - begun:.0f} s", flush=True)
    save(scorer, run / "model.pt")
    result = {
        "settings": asdict(settings),
        "seconds": round(time.monotonic() - begun),
        "loss": float(np.mean(losses[-CHECKPOINT:])),
        "development": develop.evaluate(scorer, data),
    }
    (run / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["development"]), flush=True)


def started(work: Path, settings: Settings) -> Scorer:
    """The scorer before any training: BM25. Always the same: weights of runs from different starts
    have no mean.
    """
    torch.manual_seed(START)
    tables = np.load(work / "tables.npz")
    shape = Shape(
        vocabulary=len(tables["classes"]),
        classes=len(tables["neighbours"]),
        translated=len(tables["translations"]),
        neighbours=tables["neighbours"].shape[1],
        translations=tables["translations"].shape[1],
        learned=settings.learned,
        topic=settings.topic,
        hidden=settings.hidden,
    )
    scorer = Scorer(shape)
    state = scorer.state_dict()
    for name in ("classes", "weights", "translated", "translations"):
        state[name].copy_(torch.from_numpy(tables[name]))
    vectors = tables["neighbours"]
    if settings.vectors == "associations":
        vectors = np.load(work / f"vectors{settings.without}.npy")
    state["neighbours"].copy_(torch.from_numpy(vectors))
    return scorer


def save(scorer: Scorer, path: Path) -> None:
    torch.save({"shape": scorer.settings(), "state": scorer.state_dict()}, path)


def load(path: Path) -> Scorer:
    saved = torch.load(path, weights_only=True)
    scorer = Scorer(Shape(**saved["shape"]))
    scorer.load_state_dict(saved["state"])
    return scorer.eval()


def blend(start: Scorer, trained: Sequence[Scorer], share: float, trust: float) -> Scorer:
    """The mean of the trained scorers, and of it and their start (Wortsman et al. 2022).

    Args:
        start: The scorer before training.
        trained: Runs from the same start.
        share: Of the trained; the rest is the start's, which any collection suits.
        trust: In the learned part where the query is long.
    """
    blended = Scorer(start.shape)
    states = [scorer.state_dict() for scorer in trained]
    for name, value in start.state_dict().items():
        if value.is_floating_point():
            mean = torch.stack([state[name] for state in states]).mean(0)
            value = (1 - share) * value + share * mean  # noqa: PLW2901
        blended.state_dict()[name].copy_(value)
    blended.trust.fill_(trust)
    return blended.eval()


def _optimizer(scorer: Scorer, settings: Settings) -> tuple[torch.optim.Optimizer, list[float]]:
    named = dict(scorer.named_parameters())
    vectors, adjustment = named.pop("neighbours"), named.pop("adjustment")
    rates = [
        settings.rate * settings.vector_rate,
        settings.rate * settings.weight_rate,
        settings.rate,
    ]
    optimizer = torch.optim.AdamW(
        [
            {"params": [vectors], "weight_decay": 0.0},
            {"params": [adjustment], "weight_decay": 0.0},
            {"params": list(named.values()), "weight_decay": 0.01},
        ],
        betas=(0.9, 0.98),
    )
    return optimizer, rates


def _schedule(step: int, steps: int) -> float:
    falling = 0.5 + 0.5 * math.cos(math.pi * step / steps)
    return min(1.0, (step + 1) / WARM_UP) * (SLOWEST + (1 - SLOWEST) * falling)


def _update(
    scorer: Scorer,
    optimizer: torch.optim.Optimizer,
    batch: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    settings: Settings,
) -> float:
    size = settings.recipe.negatives + 1
    lexical, learned = (part.view(-1, size) for part in scorer.parts(*batch)[:2])
    loss = functional.cross_entropy(lexical + learned, torch.zeros(len(learned), dtype=torch.int64))
    spread = (learned - learned.mean(1, keepdim=True)).square().mean()
    drift = scorer.adjustment.square().sum()
    optimizer.zero_grad()
    (loss + settings.penalty * spread + settings.weight_penalty * drift).backward()
    nn.utils.clip_grad_norm_(scorer.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def _resumed(
    checkpoint: Path, scorer: Scorer, optimizer: torch.optim.Optimizer, losses: list[float]
) -> int:
    if not checkpoint.exists():
        return 0
    saved = torch.load(checkpoint, weights_only=True)
    scorer.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    losses += saved["losses"]
    return int(saved["step"])
