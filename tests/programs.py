"""Programs that tests run in a process of their own."""

import subprocess
import sys
import textwrap


def run(code, *, timeout=60, **options):
    """Run a program of its own; give its result, with what it wrote."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **options,
    )
