"""Flags, environment and file, in this order, and what is said of bad ones."""

import pytest

from rerank_core import InvalidArgumentError
from rerank_core.serving.keys import ApiKeys
from rerank_core.serving.refusals import UnauthenticatedError
from rerank_core.serving.settings import Settings, load_settings
from tests.serving.running import write


def test_flags_go_before_the_environment_and_that_before_the_file(tmp_path):
    file = write(
        tmp_path / "serve.toml",
        'host = "0.0.0.0"\nport = 1\ntimeout = 5\nmetrics = false\n'
        '[models]\n"a" = "bundled"\n"b" = "org/name"\n',
    )
    environment = {"RERANK_CORE_PORT": "2", "RERANK_CORE_THREADS": "3", "RERANK_CORE_PAGE": "false"}
    found = load_settings({"port": "4", "host": None, "page": None}, environment, file)
    assert found == Settings(
        host="0.0.0.0",  # noqa: S104
        port=4,
        timeout=5.0,
        metrics=False,
        threads=3,
        page=False,
        models={"a": "bundled", "b": "org/name"},
    )
    assert load_settings({}, {}) == Settings()


def test_models_as_flags_and_in_the_environment():
    flags = {"models": ["bundled", "bge-reranker-v2-m3=./model=x"]}
    expected = {"bundled": "bundled", "bge-reranker-v2-m3": "./model=x"}
    assert load_settings(flags, {}).models == expected
    told = {"RERANK_CORE_MODELS": "bundled,bge-reranker-v2-m3=./model=x"}
    assert load_settings({}, told).models == expected


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("prot = 1", "there is no key 'prot'; keys are host, port, "),
        ("port = 'x'", "port: must be a whole number, 0 to 65535, got 'x'"),
        ("port = 70000", "port: must be a whole number, 0 to 65535, got 70000"),
        ("max_documents = 0", "max_documents: must be a whole number, 1 or more, got 0"),
        ("max_documents = true", "max_documents: must be a whole number, 1 or more, got True"),
        ("timeout = 0", "timeout: must be a number above 0, got 0.0"),
        ("timeout = inf", "timeout: must be a number above 0, got inf"),
        ("host = ''", "host: must be a text that is not empty, got ''"),
        ("metrics = 'yes'", "metrics: must be true or false, got 'yes'"),
        ("[models]\na = 1", "models: must be at least one NAME with its weights"),
        ("[models]", "models: must be at least one NAME with its weights"),
        ("default_model = 'x'", r"default_model: must be a served name \(bundled\), got 'x'"),
        ("tls_keyfile = 'x'", "tls_keyfile: needs tls_certfile"),
        ("port = ", "is not TOML: "),
    ],
)
def test_bad_values_are_told_by_their_key(tmp_path, toml, message):
    with pytest.raises(InvalidArgumentError, match=message):
        load_settings({}, {}, write(tmp_path / "serve.toml", toml))


def test_the_message_names_where_it_stands(tmp_path):
    with pytest.raises(InvalidArgumentError, match=r"^--max-documents: must be a whole number"):
        load_settings({"max_documents": "x"}, {})
    with pytest.raises(InvalidArgumentError, match=r"^RERANK_CORE_TIMEOUT: must be a number"):
        load_settings({}, {"RERANK_CORE_TIMEOUT": "soon"})
    with pytest.raises(InvalidArgumentError, match=r"^--model: must be at least one NAME"):
        load_settings({"models": ["=x"]}, {})
    with pytest.raises(InvalidArgumentError, match=r"none\.toml cannot be read: No such file"):
        load_settings({}, {}, tmp_path / "none.toml")


def test_api_keys(tmp_path):
    file = write(tmp_path / "keys", "# people\nalpha\n\n beta \n")
    keys = ApiKeys.load(Settings(api_keys_file=file), {"RERANK_CORE_API_KEYS": "gamma, délta"})
    for good in ("alpha", "beta", "gamma", "délta"):
        assert keys.knows(good)
        keys.check({"authorization": f"Bearer {good}"})
        keys.check({"authorization": f"bearer  {good}"})
        keys.check({"api-key": good})
        keys.check({"x-portkey-api-key": good, "authorization": "Bearer the-provider's"})
    keys.check({"authorization": "AWS4-HMAC-SHA256 Credential=beta/20260101/x/y/aws4_request, S=1"})
    for bad in (
        {},
        {"api-key": ""},
        {"api-key": "Alpha"},
        {"authorization": "Basic alpha"},
        {"authorization": "alpha"},
        {"api-key": "# people"},
        {"authorization": "Bearer"},
    ):
        with pytest.raises(UnauthenticatedError, match=r"Invalid API key\."):
            keys.check(bad)
    assert "alpha" not in repr(vars(keys))
    ApiKeys().check({})


def test_keys_that_are_asked_for_must_be_there(tmp_path):
    for settings, environment in (
        (Settings(api_keys_file=write(tmp_path / "empty", "# none\n")), {}),
        (Settings(), {"RERANK_CORE_API_KEYS": " , "}),
    ):
        with pytest.raises(InvalidArgumentError, match="keys are asked for, but none is there"):
            ApiKeys.load(settings, environment)
    with pytest.raises(InvalidArgumentError, match="api_keys_file: /none/k cannot be read"):
        ApiKeys.load(Settings(api_keys_file="/none/k"), {})
