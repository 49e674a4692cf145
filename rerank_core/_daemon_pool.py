"""Threads that wait for the engine, and that nobody waits for when the interpreter ends."""

from __future__ import annotations

import functools
import queue
import threading
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DaemonPool"]

_Result = TypeVar("_Result")


class DaemonPool(Executor):
    """Like ThreadPoolExecutor, whose threads Python joins before it closes anything at exit.

    A call that still runs then would keep the process for as long as its documents take.

    Args:
        most: Threads; one is started when none is idle.
        name: Of the threads.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._started = 0

    def submit(self, fn: Callable[..., _Result], /, *args: Any, **kwargs: Any) -> Future[_Result]:
        """Call a function on one of the threads."""
        future: Future[_Result] = Future()
        self._calls.put((future, functools.partial(fn, *args, **kwargs)))
        with self._lock:
            if not self._idle.acquire(blocking=False) and self._started < self._most:
                self._started += 1
                name = f"{self._name}_{self._started}"
                threading.Thread(target=self._serve, name=name, daemon=True).start()
        return future

    def _serve(self) -> None:
        while True:
            self._serve_one(*self._calls.get())
            self._idle.release()

    @staticmethod
    def _serve_one(future: Future[Any], call: Callable[[], Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001  (it is the caller's)
            future.set_exception(error)
        else:
            future.set_result(result)
