"""Jobs on a Ray cluster of this machine; a worker is killed while it runs."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from rerank_core import Reranker, jobs
from tests.jobs import made

ray = pytest.importorskip("ray", reason="Ray is not here; make ray-test has it")

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield ray
    ray.shutdown()


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    folder = tmp_path_factory.mktemp("given")
    rows = made.rows(300)
    rows[7] = {"query": "no documents"}
    path = made.write_lines(folder / "in.jsonl", rows)
    jobs.run(path, folder / "out", top_n=3, part_pairs=200)
    return path, made.parts(folder / "out")


def run(given, output, **options):
    options = {"top_n": 3, "part_pairs": 200, "window_pairs": 50, "ray": "auto", **options}
    return jobs.run(given[0], output, **options)


def workers():
    """Give the processes of actors that score."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(b"ray::WindowActor"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_no_cluster(given, tmp_path):
    """Before the others have begun one."""
    with pytest.raises(RuntimeError, match="no Ray cluster at 'auto'"):
        run(given, tmp_path / "out")


@pytest.mark.usefixtures("cluster")
def test_the_output_is_that_of_one_machine(given, tmp_path):
    report = run(given, tmp_path / "out", actors=3)
    assert made.parts(tmp_path / "out") == given[1]
    assert report.bad_rows == 1
    assert report.tokens > 0


@pytest.mark.usefixtures("cluster")
def test_a_worker_is_killed(given, tmp_path):
    killed = []

    def kill():
        while not (found := workers()):
            time.sleep(0.01)
        os.kill(found[0], signal.SIGKILL)
        killed.append(found[0])

    killer = threading.Thread(target=kill)
    killer.start()
    run(given, tmp_path / "out", actors=2)
    killer.join()
    assert killed
    assert made.parts(tmp_path / "out") == given[1]


def test_a_cluster_of_its_own(given, tmp_path):
    """As `--ray local` starts it, and ends it."""
    command = [sys.executable, "-W", "ignore", "-m", "rerank_core", "job", str(given[0])]
    command += ["-o", str(tmp_path / "out"), "--top-n", "3", "--part-pairs", "200"]
    done = subprocess.run(
        [*command, "--ray", "local", "--actors", "1", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert made.parts(tmp_path / "out") == given[1]


@pytest.mark.usefixtures("cluster")
def test_no_room(given, tmp_path):
    with pytest.raises(RuntimeError, match="has room for 4 actors"):
        run(given, tmp_path / "out", actors=5)
    with pytest.raises(ValueError, match="give its name, not a reranker"), Reranker() as reranker:
        run(given, tmp_path / "out", model=reranker)


@pytest.mark.usefixtures("cluster")
def test_another_model_on_a_worker_is_refused():
    from rerank_core.jobs.identity import made_by
    from rerank_core.jobs.ray import RayScorer

    with Reranker() as reranker:
        expected = {**made_by(reranker), "model": "0" * 64}
    with pytest.raises(
        RuntimeError, match=r"model of 'bundled' is '\w+' on [0-9.]+, and '0+' where"
    ):
        RayScorer(
            "auto", actors=1, model="bundled", reranker_options={}, made_by=expected, scoring={}
        )


@pytest.mark.usefixtures("cluster")
def test_a_stage_of_a_pipeline():
    from rerank_core.jobs.ray import PairScorer

    pairs = [
        {"query": row["query"], "document": document["text"], "label": place}
        for row in made.rows(30)
        for place, document in enumerate(row["documents"])
    ]
    scored = ray.data.from_items(pairs).map_batches(
        PairScorer,
        fn_constructor_kwargs={"reranker_options": {"threads": 1}},
        batch_size=32,
        num_cpus=1,
        concurrency=2,
    )
    found = {(row["query"], row["document"]): row["score"] for row in scored.take_all()}
    with Reranker() as reranker:
        for pair in pairs:
            ((hit),) = reranker.rerank(pair["query"], [pair["document"]]).data
            assert found[pair["query"], pair["document"]] == hit.score


@pytest.mark.usefixtures("cluster")
def test_a_stage_names_the_column_that_is_missing():
    from rerank_core.jobs.ray import PairScorer

    with pytest.raises(ValueError, match="no column 'document'; there are query"):
        PairScorer()({"query": np.array(["river"], object)})
