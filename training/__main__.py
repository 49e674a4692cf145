"""``python -m training prepare|train|build|ablate``: from the data to the model directory that ships."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from . import recipe
from .calibrate import calibrate
from .develop import evaluate
from .export import export
from .model import Scorer
from .prepare import prepare, read
from .train import Settings, blend, load, save, started, train


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    options.run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    steps = parser.add_subparsers(required=True)
    data = steps.add_parser("prepare", help="corpus, vocabulary, tables and groups")
    data.add_argument("data", type=Path, help="the folder with training/ and corpora/")
    data.add_argument("--without", default="", help="a genre that the vectors do not learn from")
    data.set_defaults(run=_prepare)
    one = steps.add_parser("train", help="one run; --set changes a setting, for ablations")
    one.add_argument("name", help="of the run, a folder below runs/")
    one.add_argument("--set", nargs="*", default=[], metavar="SETTING=VALUE")
    one.set_defaults(run=_train)
    whole = steps.add_parser("build", help="every run of the recipe, their blend, the export")
    whole.add_argument("directory", type=Path, help="where the model goes")
    whole.set_defaults(run=_build)
    other = steps.add_parser("ablate", help="each step of the recipe left out, on development data")
    other.add_argument("output", type=Path)
    other.set_defaults(run=_ablate)
    for step in (data, one, whole, other):
        step.add_argument("--work", type=Path, default=Path("build/training"))
        step.add_argument("--threads", type=int, default=2)
    return parser


def _prepare(options: argparse.Namespace) -> None:
    prepare(options.data, options.work, recipe.SEED, options.without)


def _train(options: argparse.Namespace) -> None:
    changes = recipe.changed(dict(item.split("=", 1) for item in options.set))
    train(options.work, options.work / "runs" / options.name, changes, options.threads)


def _ablate(options: argparse.Namespace) -> None:
    data = read(options.work / "groups.pkl")
    shipped = {recipe.changed(changes): f"final-{n}" for n, changes in enumerate(recipe.RUNS, 1)}
    rows = []
    for label, (changes, share) in recipe.ABLATIONS.items():
        settings = recipe.changed(changes)
        name = shipped.get(settings) or "-".join(["ablation", *changes.values()])
        run = _trained(options, name, settings)
        scorer = blend(started(options.work, settings), [run], share, recipe.TRUST)
        rows.append({"recipe": label, "development": evaluate(scorer, data)})
        print(json.dumps(rows[-1]), flush=True)
    options.output.write_text(json.dumps({"runs": rows}, indent=1) + "\n")


def _trained(options: argparse.Namespace, name: str, settings: Settings) -> Scorer:
    """The run of this name, trained if it is not there."""
    run = options.work / "runs" / name
    if not (run / "model.pt").exists():
        train(options.work, run, settings, options.threads)
    return load(run / "model.pt")


def _build(options: argparse.Namespace) -> None:
    runs = [
        _trained(options, f"final-{number}", recipe.changed(changes))
        for number, changes in enumerate(recipe.RUNS, 1)
    ]
    data = read(options.work / "groups.pkl")
    scorer = blend(started(options.work, recipe.SETTINGS), runs, recipe.SHARE, recipe.TRUST)
    result = {"development": evaluate(scorer, data), "calibration": calibrate(scorer, data)}
    save(scorer, options.work / "blended.pt")
    (options.work / "build.json").write_text(json.dumps(result, indent=1) + "\n")
    export(scorer, options.work / "tokenizer.json", options.directory)
    export(scorer, options.work / "tokenizer.json", options.work / "fp32", compact=False)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
