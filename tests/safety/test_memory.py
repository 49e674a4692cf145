"""A ceiling on memory: what runs at once stays below it, and what cannot is told before anything runs."""

import sys
from dataclasses import replace

import pytest

from rerank_core import InvalidArgumentError, InvalidTypeError, Reranker, _core
from rerank_core._onnxruntime import find_library
from tests import graphs, models
from tests.programs import run

DOCUMENTS = [*models.texts(40, seed=9, longest=120), "river " * 600]


@pytest.fixture(scope="module")
def seen(model_directory):
    return _core.probe_memory(
        library=find_library(),
        model=model_directory / "model.onnx",
        is_optimized=False,
        max_width=512,
        token_id=5,
    )


def test_what_a_row_takes_is_seen(seen):
    widths = [width for width, _ in seen]
    assert widths == [16, 32, 64, 128, 256, 512]
    sizes = [size for _, size in seen]
    assert sizes == sorted(sizes)
    # At least the ids of the widest row, in every layer's numbers; at most all that was ever made.
    shape = graphs.Shape()
    assert sizes[-1] > 512 * shape.hidden * 4
    assert sizes[-1] < 20 * 512 * (4 * shape.hidden + shape.heads * 512) * 4


@pytest.mark.parametrize("threads", [1, 3])
def test_scores_are_the_same_under_any_limit(model_directory, seen, threads):
    with Reranker(model_directory, threads=threads) as unlimited:
        expected = unlimited.score("silver river", DOCUMENTS).tolist()
    largest = seen[-1][1]
    for limit in (largest, 2 * largest, "1GB"):
        with Reranker(model_directory, threads=threads, memory_limit=limit) as reranker:
            assert reranker.score("silver river", DOCUMENTS).tolist() == expected


def test_a_document_that_does_not_fit_is_named(model_directory, seen):
    limit = dict(seen)[256]
    with Reranker(model_directory, memory_limit=limit) as reranker:
        assert reranker.info.memory_limit == limit
        with pytest.raises(
            InvalidArgumentError, match=r"index 1 .* need \d+ bytes to run 512 tokens"
        ):
            reranker.score("stone", ["river", "river " * 600])
        assert reranker.stats().batches == 0
        assert reranker.score("stone", ["river"] * 50).shape == (50,)


@pytest.mark.parametrize(
    ("limit", "kind", "message"),
    [
        (0, InvalidArgumentError, "memory_limit must be >= 1, got 0"),
        (True, InvalidTypeError, "memory_limit must be an integer, got bool"),
        (1.5, InvalidTypeError, "memory_limit must be an integer, got float"),
        ("much", InvalidArgumentError, "or text such as '512MB'"),
        ("-1MB", InvalidArgumentError, "or text such as '512MB'"),
        ("0.1B", InvalidArgumentError, "memory_limit must be >= 1, got 0"),
        (
            1000,
            InvalidArgumentError,
            r"at least \d+ bytes, which a row of 16 tokens takes, got 1000",
        ),
    ],
)
def test_limits_that_cannot_be(model_directory, limit, kind, message):
    with pytest.raises(kind, match=message):
        Reranker(model_directory, memory_limit=limit)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_resident_memory_stays_below_the_limit_and_falls_after_a_peak(tmp_path):
    """Beside a limit, what 200 rows take is far above it: many workers, wide rows."""
    tokenizer = models.wordpiece()
    shape = graphs.Shape(layers=1, hidden=64, heads=16, positions=2048)
    shape = replace(shape, vocab=tokenizer.get_vocab_size(with_added_tokens=True))
    directory = models.write(
        tmp_path / "wide",
        graph=graphs.bert(shape),
        tokenizer=tokenizer,
        config={"max_position_embeddings": 2048},
    )
    code = f"""
        from pathlib import Path
        from rerank_core import Reranker

        def resident(key):
            lines = Path("/proc/self/status").read_text().splitlines()
            return int(next(line for line in lines if line.startswith(key)).split()[1]) * 1024

        limit = 150_000_000
        # One row of 1,000 tokens takes about 130 MB: four at once would take 520.
        with Reranker({str(directory)!r}, threads=4, memory_limit=limit) as reranker:
            reranker.score("stone", ["river " * 5])
            loaded = resident("VmRSS")
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
            # Of different lengths: equal rows are run once.
            reranker.score("stone", ["river " * (990 - place) for place in range(12)])
            reranker.score("stone", ["river " * (5 + place) for place in range(9)])
            print(resident("VmHWM") - loaded, resident("VmRSS") - loaded)
        """
    done = run(code, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    peak, after = map(int, done.stdout.split())
    assert 50_000_000 < peak < 190_000_000
    assert after < 40_000_000
