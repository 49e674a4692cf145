"""docs/serving.md names every path, field, key and client that there is."""

import re
from pathlib import Path

import msgspec
import pytest

from rerank_core.serving.dialects import DIALECTS
from rerank_core.serving.settings import KEYS, Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "serving.md").read_text()


@pytest.mark.parametrize("name", DIALECTS)
def test_every_field_and_path_of_a_dialect(name):
    section = TEXT.split(f"### {name}\n")[1].split("\n##")[0]
    dialect = DIALECTS[name]
    paths = [path for operation in dialect.operations for path in operation.paths]
    for path in (*paths, *(lookup.path for lookup in dialect.lookups)):
        assert re.search(rf"[ `]{re.escape(path)}`", section), path
    told = set(re.findall(r"`(\w+)`", section))
    fields = {
        field.encode_name
        for operation in dialect.operations
        for field in msgspec.structs.fields(operation.request)
    }
    assert fields <= told, fields - told


def test_every_key_of_the_settings():
    defaults = Settings()
    for name, key in KEYS.items():
        value = getattr(defaults, name)
        shown = str(value).lower() if isinstance(value, bool) else value
        cell = "`bundled`" if name == "models" else "" if value is None else f"`{shown}`"
        assert f"| `{name}` | {cell} | {key.metadata['description']} |\n" in TEXT


@pytest.mark.parametrize("listed", sorted((ROOT / "tests" / "clients").glob("*.txt")), ids=str)
def test_every_version_of_a_client(listed):
    for version in re.findall(r"==(\S+)", listed.read_text()):
        assert version in TEXT, f"{version} of {listed.name}"
