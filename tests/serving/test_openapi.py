"""Each dialect's OpenAPI document is one, and what it says holds: schemathesis asks."""

import hypothesis
import pytest
import schemathesis
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from rerank_core.serving.dialects import DIALECTS
from tests.conftest import MULTIPLIER
from tests.serving.running import serving

CHECKS = [response_schema_conformance, status_code_conformance]


@pytest.fixture(scope="module")
def asked():
    with serving(access_log=False) as started:
        yield started


def test_each_dialect_has_a_document(asked):
    documents = asked.get("/openapi.json").json()["documents"]
    assert list(documents) == list(DIALECTS)
    for name, path in documents.items():
        document = asked.get(path).json()
        assert document["openapi"].startswith("3.1")
        assert document["servers"] == [{"url": f"/{name}"}]
        for operation in DIALECTS[name].operations:
            assert all("post" in document["paths"][where] for where in operation.paths)
        for lookup in DIALECTS[name].lookups:
            assert "get" in document["paths"][lookup.path]
    assert asked.get("/none/openapi.json").status_code == 404


@pytest.mark.parametrize("name", DIALECTS)
def test_what_it_says_holds(asked, name):
    schema = schemathesis.openapi.from_url(f"{asked.url}/{name}/openapi.json")
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found

        @hypothesis.settings(
            max_examples=5 * MULTIPLIER, suppress_health_check=list(hypothesis.HealthCheck)
        )
        @hypothesis.given(case=found.ok().as_strategy(), served=hypothesis.strategies.booleans())
        def holds(case, served):
            if served and isinstance(case.body, dict) and "model" in case.body:
                case.body["model"] = "bundled"
            reply = case.call_and_validate(checks=CHECKS)
            # Apertis documents 503 for a model that there is not.
            assert reply.status_code < 500 or (name, reply.status_code) == ("apertis", 503)

        holds()
