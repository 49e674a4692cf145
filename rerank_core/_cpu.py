"""What this process may use of its processors, and what they can do."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

__all__ = ["adds_int8_exactly", "available_cpus"]


def available_cpus(root: Path = Path("/")) -> int:
    """Give the smaller of the affinity mask and the whole CPUs in the cgroup quota, at least 1.

    A quota of 1.5 CPUs gives 1: two busy threads would be throttled together for a part of every
    period, which costs latency for every request.
    """
    # macOS and Windows have no mask to ask for.
    mask = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    cpus = len(mask) if mask is not None else os.cpu_count() or 1
    return max(1, min([cpus, *(int(quota) for quota in _quotas(root))]))


def adds_int8_exactly(root: Path = Path("/")) -> bool:
    """Tell whether products of full 8 bits cannot overflow in this processor's kernels.

    Before VNNI, x86 added pairs of them in 16 bits. ARM never did; where nothing is known (macOS and
    Windows on x86), no is the safe answer.
    """
    if platform.machine().lower() in ("arm64", "aarch64"):
        return True
    try:
        flags = (root / "proc/cpuinfo").read_text()
    except OSError:
        return False
    return re.search(r"\b(avx512_vnni|avx_vnni)\b", flags) is not None


def _quotas(root: Path) -> list[float]:
    """Give the CPU limits of this process's cgroup and of every group above it."""
    try:
        memberships = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    quotas = []
    for membership in memberships:
        _, controllers, path = membership.split(":", 2)
        if controllers == "":  # version 2
            base, read = root / "sys/fs/cgroup", _quota_v2
        elif "cpu" in controllers.split(","):
            base, read = root / "sys/fs/cgroup/cpu", _quota_v1
        else:
            continue
        # Inside a container the path is the host's and may not exist; the base then is the group.
        group = base / path.lstrip("/")
        while True:
            quotas += read(group)
            if group == base or base not in group.parents:
                break
            group = group.parent
    return quotas


def _quota_v2(group: Path) -> list[float]:
    try:
        quota, period = (group / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return []
    return [] if quota == "max" else [int(quota) / int(period)]


def _quota_v1(group: Path) -> list[float]:
    try:
        quota = int((group / "cpu.cfs_quota_us").read_text())
        period = int((group / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return []
    return [] if quota <= 0 else [quota / period]
