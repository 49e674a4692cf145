"""The reference data beside the checkout, where there is one."""

from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "shared" / "data"
needed = pytest.mark.skipif(
    not DATA.is_dir(), reason="the reference data, ../shared/data, is not here"
)
