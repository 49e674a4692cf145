"""Builds rerank_core._core from csrc. Everything else is in pyproject.toml.

Switches, by environment: RERANK_CORE_DEBUG=1 (asserts live, no optimization),
RERANK_CORE_SANITIZE=address,undefined, RERANK_CORE_WERROR=1 (warnings are errors).
"""

import os
import sys
import sysconfig
from pathlib import Path

import pybind11
from pybind11.setup_helpers import ParallelCompile, Pybind11Extension
from setuptools import setup

ROOMS = ("core", "ort", "engine", "bindings")
DEBUG = os.environ.get("RERANK_CORE_DEBUG") == "1"
SANITIZE = os.environ.get("RERANK_CORE_SANITIZE", "")
WERROR = os.environ.get("RERANK_CORE_WERROR") == "1"


def compile_args() -> list[str]:
    if sys.platform == "win32":
        return ["/W4", "/Zc:__cplusplus", *(["/WX"] if WERROR else [])]
    args = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow"]
    # Others' headers are not ours to warn about; -isystem takes their -I out of force.
    args += ["-isystem", pybind11.get_include(), "-isystem", sysconfig.get_paths()["include"]]
    args += ["-O1", "-g", "-UNDEBUG"] if DEBUG or SANITIZE else ["-O2", "-g0", "-DNDEBUG"]
    if WERROR:
        args.append("-Werror")
    if SANITIZE:
        args += [f"-fsanitize={SANITIZE}", "-fno-omit-frame-pointer"]
    return args


sources = sorted(str(path) for room in ROOMS for path in Path("csrc", room).rglob("*.cc"))
headers = sorted(str(path) for room in ROOMS for path in Path("csrc", room).rglob("*.h"))

ParallelCompile("RERANK_CORE_BUILD_JOBS", default=0).install()
setup(
    ext_modules=[
        Pybind11Extension(
            "rerank_core._core",
            sources,
            depends=headers,
            include_dirs=["csrc"],
            cxx_std=20,
            extra_compile_args=compile_args(),
            extra_link_args=[f"-fsanitize={SANITIZE}"] if SANITIZE else [],
        )
    ]
)
