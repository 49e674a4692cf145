"""The wheel and the sdist install into a clean environment, without the source tree, and work."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]


def run(*command, cwd):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def interpreter(version):
    found = shutil.which(f"python{version}")
    works = (
        found
        and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0
    )
    if not works:
        pytest.skip(f"no Python {version} here")
    return found


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """An sdist, and the wheel that was built of it."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", str(out), cwd=ROOT)
    return out


def check(python, archive, folder):
    """Install an archive into a new environment and run the one test file that must pass."""
    run(python, "-m", "venv", "env", cwd=folder)
    env = folder / "env" / "bin" / "python"
    run(env, "-m", "pip", "install", f"{archive}[cpu]", "pytest", cwd=folder)
    shutil.copy(ROOT / "tests" / "test_minimal.py", folder)
    run(env, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_minimal.py", cwd=folder)


@pytest.mark.long
@pytest.mark.parametrize("version", PYTHONS)
def test_sdist(tmp_path, dist, version):
    (sdist,) = dist.glob("*.tar.gz")
    check(interpreter(version), sdist, tmp_path)


def test_wheel(tmp_path, dist):
    (wheel,) = dist.glob("*.whl")
    check(sys.executable, wheel, tmp_path)


def test_without_an_onnxruntime_the_first_use_says_which_to_install(tmp_path, dist):
    (wheel,) = dist.glob("*.whl")
    run(sys.executable, "-m", "venv", "env", cwd=tmp_path)
    env = tmp_path / "env" / "bin" / "python"
    run(env, "-m", "pip", "install", str(wheel), cwd=tmp_path)
    code = "import rerank_core\ntry: rerank_core.Reranker()\nexcept rerank_core.ProviderError as e: print(e)"
    done = subprocess.run(
        [env, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert 'pip install onnxruntime, or "onnxruntime-gpu[cuda,cudnn]" for CUDA' in done.stdout
