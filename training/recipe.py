"""The settings that the shipped model was made with; README.md says what each choice brought."""

from __future__ import annotations

from dataclasses import fields, replace

from .batches import Recipe
from .train import Settings

SEED = 1  # of the data
RUNS = ({"seed": "1"}, {"seed": "2", "decoys": "0"})  # that are averaged
SHARE = 0.85  # of the trained weights; the rest is BM25's
TRUST = 0.5  # in the learned part where a query is long
SETTINGS = Settings()

# Label: what is changed, and the share of the trained weights.
ABLATIONS: dict[str, tuple[dict[str, str], float]] = {
    "BM25 inside the graph, nothing learned": ({}, 0.0),
    "learned, not blended": ({}, 1.0),
    "learned and blended: one run of what ships": ({}, SHARE),
    "no planted decoys: the other run of what ships": (RUNS[1], SHARE),
    "vectors from counts, not associations": ({"vectors": "counts"}, SHARE),
}


def changed(changes: dict[str, str]) -> Settings:
    """The settings with some set anew, by the names of `Settings` and `Recipe`."""
    settings = SETTINGS
    for name, text in changes.items():
        inner = name in {field.name for field in fields(Recipe)}
        holder: Settings | Recipe = settings.recipe if inner else settings
        value = type(getattr(holder, name))(text)
        if isinstance(holder, Recipe):
            settings = replace(settings, recipe=replace(holder, **{name: value}))
        else:
            settings = replace(settings, **{name: value})
    return settings
