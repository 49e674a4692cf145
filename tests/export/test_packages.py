"""Without the packages of the extra, exporting says what to install."""

import sys

import pytest

from rerank_core import FailedPreconditionError
from rerank_core.models.prepare.export import export
from tests import models

PACKAGES = ["onnx", "safetensors", "torch", "transformers", "optimum.exporters.onnx.model_configs"]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_missing(tmp_path, monkeypatch, package):
    checkpoint = models.write(tmp_path / "checkpoint")
    (checkpoint / "model.safetensors").write_bytes(b"weights")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        FailedPreconditionError, match=r'needs more packages .* pip install "rerank-core\[export\]"'
    ):
        export(checkpoint, tmp_path / "out")
    assert not (tmp_path / "out").exists()
