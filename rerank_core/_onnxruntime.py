"""Where ONNX Runtime's shared library is: in the wheel that is installed, without importing it."""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
from pathlib import Path

from rerank_core import _core
from rerank_core.errors import ProviderError

__all__ = ["check_provider", "find_library", "preload_cuda"]

_PATTERNS = ("libonnxruntime.so*", "libonnxruntime.*dylib", "onnxruntime.dll")
_INSTALL = 'pip install onnxruntime, or "onnxruntime-gpu[cuda,cudnn]" for CUDA'
# What onnxruntime-gpu's CUDA provider links to, in the order in which they need each other; the
# wheels of NVIDIA bring them, in nvidia/*/lib, where no loader looks.
_CUDA_LIBRARIES = (
    "libcudart.so.*",
    "libnvJitLink.so.*",
    "libcublasLt.so.*",
    "libcublas.so.*",
    "libnvrtc.so.*",
    "libcurand.so.*",
    "libcufft.so.*",
    "libcudnn*.so.*",
)


def find_library() -> Path:
    """Give the path of the library in the `onnxruntime` or `onnxruntime-gpu` wheel.

    Raises:
        ProviderError: Neither is installed, or what is installed has no library.
    """
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or not spec.submodule_search_locations:
        raise ProviderError(f"ONNX Runtime is not installed; run {_INSTALL}")
    folder = Path(next(iter(spec.submodule_search_locations))) / "capi"
    found = [path for pattern in _PATTERNS for path in folder.glob(pattern)]
    if not found:
        raise ProviderError(
            f"onnxruntime is installed, but {folder} has no library in it; reinstall it: {_INSTALL}"
        )
    return max(found, key=lambda path: path.stat().st_mtime)  # the one installed last


def check_provider(library: Path, provider: str) -> str:
    """Give the version of ONNX Runtime, after making sure that it has an execution provider.

    Raises:
        ProviderError: The library does not load, is too old, or was built without the provider.
    """
    version, providers = _core.onnxruntime_info(library)
    if provider not in providers:
        installed = [name for name in ("onnxruntime", "onnxruntime-gpu") if _is_installed(name)]
        remedy = f"install one that has it: {_INSTALL}"
        if len(installed) > 1:
            remedy = (
                "both onnxruntime and onnxruntime-gpu are installed and overwrite each other: "
                'pip uninstall both, then pip install "onnxruntime-gpu[cuda,cudnn]"'
            )
        raise ProviderError(
            f"{provider} was asked for, but onnxruntime {version} has only "
            f"{', '.join(providers)}; {remedy}"
        )
    return version


def preload_cuda() -> list[Path]:
    """Load the CUDA libraries of NVIDIA's wheels, so that the CUDA provider finds them; give them.

    Where there are none, the system's are left to be found.
    """
    libraries = _cuda_libraries()
    for path in libraries:
        try:
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise ProviderError(
                f"cannot load {path} for CUDA: {error}; is NVIDIA's driver installed?"
            ) from error
    return libraries


def _cuda_libraries() -> list[Path]:
    spec = importlib.util.find_spec("nvidia")
    if spec is None or not spec.submodule_search_locations:
        return []
    folders = [Path(location) for location in spec.submodule_search_locations]
    return [
        path
        for pattern in _CUDA_LIBRARIES
        for folder in folders
        for path in sorted(folder.glob(f"*/lib/{pattern}"))
    ]


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
