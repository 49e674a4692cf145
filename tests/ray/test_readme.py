"""The examples of the jobs' guide run, on Ray and on Spark."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "rerank_core" / "jobs" / "README.md"
BLOCKS = {
    re.findall(r"^(?:import|from) (\w+)", block, re.MULTILINE)[0]: block
    for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
}


@pytest.mark.parametrize("library", BLOCKS)
def test_example(library):
    if find_spec(library) is None:
        pytest.skip(f"{library} is not here; make ray-test has it")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BLOCKS[library]],
        capture_output=True,
        text=True,
        check=False,
        cwd=GUIDE.parents[2],
        env={**os.environ, "PYSPARK_PYTHON": sys.executable},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "True"
