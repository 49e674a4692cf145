"""One reranker, many callers; closing, forking, interrupting and leaving at any moment."""

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rerank_core import ClosedError, InvalidArgumentError, Reranker, _core
from tests import models
from tests.programs import run

DOCUMENTS = models.texts(60, seed=7)


def test_many_threads_get_what_one_gets(random_bert):
    jobs = [
        (f"{word} river", DOCUMENTS[place : place + 20]) for place, word in enumerate(models.WORDS)
    ]
    expected = [random_bert.score(*job).tolist() for job in jobs]

    def ask(place):
        if place % 10 == 9:  # a bad request in between harms nobody
            with pytest.raises(InvalidArgumentError):
                random_bert.score("", DOCUMENTS)
        return random_bert.score(*jobs[place % len(jobs)]).tolist()

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(ask, range(200)))
    assert found == [expected[place % len(jobs)] for place in range(200)]


def test_event_loops(random_bert):
    expected = random_bert.rerank("silver river", DOCUMENTS).to_dict()

    async def ask():
        results = await asyncio.gather(
            *(random_bert.arerank("silver river", DOCUMENTS) for _ in range(20))
        )
        return [result.to_dict() for result in results]

    with ThreadPoolExecutor(3) as pool:
        loops = list(pool.map(lambda _: asyncio.run(ask()), range(3)))
    assert all(result == expected for loop in loops for result in loop)


def test_arerank_leaves_the_loop_alone(random_bert):
    async def ticks_while_ranking():
        task = asyncio.create_task(random_bert.arerank("river", models.texts(1200)))
        ticks = 0
        while not task.done():
            await asyncio.sleep(0)
            ticks += 1
        await task
        return ticks

    assert asyncio.run(ticks_while_ranking()) > 10


def test_other_python_threads_run_meanwhile(random_bert):
    """The GIL is free from submission to result: a counting thread keeps counting."""
    counted = 0
    stop = threading.Event()

    def count():
        nonlocal counted
        while not stop.is_set():
            counted += 1

    documents = random_bert._tokenizer.encode(models.texts(2400))
    query = random_bert._tokenizer.encode(["river"])
    import numpy as np

    counter = threading.Thread(target=count)
    counter.start()
    try:
        before = counted
        random_bert._engine.run(
            query.ids,
            query.offsets,
            documents.ids,
            documents.offsets,
            np.zeros(len(documents), np.int64),
            _core.PairLimits(row_tokens=512),
        )
        assert counted - before > 1000
    finally:
        stop.set()
        counter.join()


def test_closed(model_directory):
    reranker = Reranker(model_directory)
    reranker.close()
    reranker.close()
    with pytest.raises(ClosedError, match="the reranker is closed"):
        reranker.score("q", ["a"])


def test_closing_fails_what_waits_and_hangs_nobody(model_directory):
    reranker = Reranker(model_directory, threads=1)
    documents = models.texts(4000, longest=200)
    outcomes: list[int | str] = []

    def ask():
        try:
            outcomes.append(len(reranker.score("river", documents)))
        except ClosedError:
            outcomes.append("closed")

    callers = [threading.Thread(target=ask) for _ in range(4)]
    for caller in callers:
        caller.start()
    while reranker._engine.counters()["batches"] < 5:  # they are running now
        time.sleep(0.001)
    reranker.close()
    for caller in callers:
        caller.join(timeout=30)
    assert not any(caller.is_alive() for caller in callers)
    assert outcomes == ["closed"] * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_a_forked_child_gets_a_clear_error_and_can_make_its_own(random_bert, model_directory):
    expected = random_bert.score("river", DOCUMENTS).tolist()

    def child(connection):
        try:
            random_bert.score("river", DOCUMENTS)
        except ClosedError as error:
            connection.send(str(error))
        with Reranker(model_directory, threads=2) as own:
            connection.send(own.score("river", DOCUMENTS).tolist())

    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=child, args=(theirs,))
    process.start()
    assert mine.poll(30)
    assert "was made before a fork" in mine.recv()
    assert mine.poll(30)
    assert mine.recv() == expected
    process.join(30)
    assert process.exitcode == 0
    assert random_bert.score("river", DOCUMENTS).tolist() == expected


@pytest.mark.parametrize("method", sorted(set(multiprocessing.get_all_start_methods()) - {"fork"}))
def test_processes_of_their_own(model_directory, method):
    code = f"""
        import multiprocessing
        from rerank_core import Reranker

        def work(place):
            with Reranker({str(model_directory)!r}) as reranker:
                return reranker.score("river", ["stone", "river"]).tolist()

        if __name__ == "__main__":
            with Reranker({str(model_directory)!r}) as reranker:
                here = work(0)
            with multiprocessing.get_context({method!r}).Pool(2) as pool:
                assert pool.map(work, range(4)) == [here] * 4
    """
    path = model_directory / "spawned.py"
    path.write_text(textwrap.dedent(code))
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_one_thread_is_one_and_rerankers_do_not_add_up(model_directory):
    done = run(
        f"""
        import os
        from rerank_core import Reranker

        documents = [f"{{place}} river" for place in range(20)]

        def threads():
            return len(os.listdir("/proc/self/task"))

        Reranker({str(model_directory)!r}, threads=1).close()  # libraries have threads of their own
        before = threads()
        with Reranker({str(model_directory)!r}, threads=1) as one:
            one.score("stone", documents)
            assert threads() == before + 1, threads()
            most = max(3, len(os.sched_getaffinity(0)))
            with (
                Reranker({str(model_directory)!r}, threads=3),
                Reranker({str(model_directory)!r}, threads=3) as other,
            ):
                other.score("stone", documents)
                assert threads() <= before + most, threads()
        assert threads() == before, threads()
        """
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_runs_while_nothing_is_asked(model_directory):
    """No thread is even woken: neither a worker's, nor one of a wide session."""
    done = run(
        f"""
        import os, time
        from rerank_core import Reranker, _graphs

        _graphs._WORTH = 0  # so small a model would not be worth a wide session

        def switches():
            counts = {{}}
            for task in os.listdir("/proc/self/task"):
                if int(task) != os.getpid():
                    with open(f"/proc/self/task/{{task}}/status") as status:
                        counts[task] = [line for line in status if "ctxt_switches" in line]
            return counts

        with Reranker({str(model_directory)!r}, threads=3) as reranker:
            assert reranker._graph.session.is_wide
            reranker.score("stone", ["river " * 200])
            # Who polls or spins is never at rest, however long one waits.
            for _ in range(30):
                before = switches()
                time.sleep(0.3)
                if switches() == before:
                    break
            else:
                raise AssertionError("some thread woke up again and again")
        """
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_is_kept_of_what_was_asked(model_directory, tmp_path):
    """Neither in the home nor by a thread of ONNX Runtime's telemetry; and the environment is left as it was."""
    done = run(
        f"""
        import ctypes, os
        from rerank_core import Reranker

        threads = len(os.listdir("/proc/self/task"))
        with Reranker({str(model_directory)!r}, threads=1) as reranker:
            reranker.score("stone", ["river"])
            print(len(os.listdir("/proc/self/task")) - threads)
            print([os.listdir(os.environ[home]) for home in ["HOME", "XDG_CACHE_HOME"]])
            print(ctypes.CDLL(None).getenv(b"ORT_DISABLE_TELEMETRY"))
        """,
        env={**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)},
    )
    assert (done.stdout, done.stderr) == ("1\n[[], []]\n0\n", "")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_stops_a_long_call(model_directory):
    done = run(
        f"""
        import os, signal, threading, time
        from rerank_core import Reranker

        # Who started the tests may have had it ignored, as a shell does for what is in the background.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        reranker = Reranker({str(model_directory)!r}, threads=1)
        documents = [f"{{place}} river " * 200 for place in range(3000)]
        threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            while True:
                reranker.score("stone", documents)
        except KeyboardInterrupt:
            pass
        print("scores after", reranker.score("stone", ["a"]).shape)
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "scores after (1,)\n", "")


@pytest.mark.parametrize(
    "ending",
    ["pass", "sys.exit(0)", "os._exit(0)", "reranker.close()", "del reranker", "gc.collect()"],
)
@pytest.mark.parametrize("once", [True, False], ids=["leaves at the error", "tries again"])
def test_leaving_with_work_in_flight(model_directory, ending, once):
    done = run(
        f"""
        import gc, os, sys, threading, time
        from rerank_core import ClosedError, Reranker

        reranker = Reranker({str(model_directory)!r}, threads=2)

        def work(reranker=reranker):
            while True:
                try:
                    reranker.score("river", [f"{{place}} stone " * 50 for place in range(50)])
                except ClosedError:
                    if {once}:
                        return

        for _ in range(3):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.3)
        {ending}
        """
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_leaving_while_an_event_loop_ranks(model_directory):
    """Python joins the threads of executors before anything is closed: these must not be among them."""
    done = run(
        f"""
        import asyncio, atexit, threading, time
        from rerank_core import ClosedError, Reranker

        reranker = Reranker({str(model_directory)!r}, threads=1)
        documents = [f"{{place}} river " * 200 for place in range(5000)]

        def rank():
            try:
                asyncio.run(reranker.arerank("river", documents))
            except ClosedError:
                pass

        threading.Thread(target=rank, daemon=True).start()
        while reranker.stats().batches < 3:
            time.sleep(0.01)
        atexit.register(lambda: print("all was run:", reranker.stats().rows == 5000))
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "all was run: False\n", "")


@pytest.mark.parametrize("ending", ["pass", "os._exit(0)", "reranker.close()", "del reranker"])
def test_leaving_while_a_pair_has_all_threads(model_directory, ending):
    done = run(
        f"""
        import os, threading, time
        from rerank_core import ClosedError, Reranker, _graphs

        _graphs._WORTH = 0  # so small a model would not be worth it
        reranker = Reranker({str(model_directory)!r}, threads=3)
        assert reranker._graph.session.is_wide

        def work(reranker=reranker):
            try:
                while True:
                    reranker.score("river", ["stone " * 400])
            except ClosedError:
                pass

        threading.Thread(target=work, daemon=True).start()
        time.sleep(0.3)
        {ending}
        """
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_killed_by_a_signal_it_is_gone(model_directory):
    code = f"""
from rerank_core import Reranker
reranker = Reranker({str(model_directory)!r})
print("ready", flush=True)
while True:
    reranker.score("q", [f"stone {{place}}" for place in range(100)])
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM


def test_rerankers_come_and_go(model_directory):
    threads = threading.active_count()
    before = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else None
    for _ in range(20):
        with Reranker(model_directory, threads=3) as reranker:
            reranker.score("river", DOCUMENTS[:5])
    assert threading.active_count() == threads
    if before is not None:
        assert (
            len(os.listdir("/proc/self/task")) <= before + 2
        )  # tokenizers keeps a pool of its own


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_while_a_model_loads_does_not_hang(model_directory):
    done = run(
        f"""
        import os, threading, warnings
        from rerank_core import Inference

        warnings.simplefilter("ignore")
        inference = Inference(models={{"m": {str(model_directory)!r}}})
        inference._lock.acquire()  # as a thread does that loads
        child = os.fork()
        if child == 0:
            assert inference.rerank("m", "river", ["a", "b"]).model == "m"
            os._exit(0)
        inference._lock.release()
        assert os.waitpid(child, 0)[1] == 0
        assert inference.rerank("m", "river", ["a", "b"]).model == "m"
        """
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
