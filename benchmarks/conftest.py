"""Says in a result of pytest-benchmark which build was timed."""

from rerank_core import _core


def pytest_benchmark_update_machine_info(machine_info):
    machine_info["core"] = _core.__file__
