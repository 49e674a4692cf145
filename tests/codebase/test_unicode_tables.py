"""The generated tables against the library that they were asked from."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.long
def test_tables_are_what_the_library_says():
    done = subprocess.run(
        [sys.executable, "tools/unicode_tables.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
