"""Seeds, hypothesis profiles, and the models that many tests share."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from typing import TYPE_CHECKING

import hypothesis
import hypothesis.core
import pytest

from rerank_core import Reranker
from tests import hub, models

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# No test asks the hub, or looks into the cache of whoever runs it. Read when huggingface_hub is imported.
os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="rerank-core-tests-")
atexit.register(shutil.rmtree, os.environ["HF_HOME"], ignore_errors=True)
for variable in ("HF_HUB_CACHE", "HF_HUB_OFFLINE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_OFFLINE"):
    os.environ.pop(variable, None)

SEED = os.environ.get("RERANK_CORE_TEST_SEED", "0")
MULTIPLIER = int(os.environ.get("RERANK_CORE_TEST_MULTIPLIER", "1"))

hypothesis.settings.register_profile(
    "rerank_core",
    max_examples=60 * MULTIPLIER,
    deadline=None,
    derandomize=SEED == "0",
    database=None,
)
hypothesis.settings.load_profile("rerank_core")
if SEED != "0":
    # What --hypothesis-seed sets.
    hypothesis.core.global_force_seed = int(SEED)  # type: ignore[assignment]


def pytest_report_header() -> str:
    return f"RERANK_CORE_TEST_SEED={SEED} RERANK_CORE_TEST_MULTIPLIER={MULTIPLIER}"


@pytest.fixture(scope="session")
def model_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random BERT: for structure, never for what a ranking means."""
    return models.write(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture
def served() -> Iterator[hub.Hub]:
    """A hub on loopback."""
    with hub.serve() as running:
        yield running


@pytest.fixture(scope="session")
def random_bert(model_directory: Path) -> Iterator[Reranker]:
    with Reranker(model_directory, threads=2) as reranker:
        yield reranker


@pytest.fixture(scope="session")
def bundled() -> Iterator[Reranker]:
    with Reranker() as reranker:
        yield reranker
