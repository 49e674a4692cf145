"""Threads follow the container's share, not the host's: every layout of cgroups as files."""

import os

import pytest

from rerank_core._cpu import available_cpus

HOST = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def many_cpus(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


@pytest.mark.usefixtures("many_cpus")
@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        pytest.param({}, 16, id="no cgroups"),
        pytest.param(
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"},
            16,
            id="v2 unlimited",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "400000 100000\n"}, 4, id="v2"
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"},
            1,
            id="v2 1.5",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "20000 100000\n"},
            1,
            id="v2 0.2",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "300000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
            },
            3,
            id="v2 limit of a parent",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/docker/abc\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"},
            2,
            id="v2 host path inside a container",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/k\n4:memory:/k\n",
                "sys/fs/cgroup/cpu/k/cpu.cfs_quota_us": "250000\n",
                "sys/fs/cgroup/cpu/k/cpu.cfs_period_us": "100000\n",
            },
            2,
            id="v1",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            16,
            id="v1 unlimited",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "nonsense\n"},
            16,
            id="unreadable",
        ),
    ],
)
def test_quota(tmp_path, files, cpus):
    assert available_cpus(write(tmp_path, files)) == cpus


def test_affinity_bounds_the_quota(tmp_path):
    root = write(
        tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "99900000 100000\n"}
    )
    assert available_cpus(root) == HOST


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_this_process(tmp_path):
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert available_cpus(tmp_path) == 1
    finally:
        os.sched_setaffinity(0, before)
