"""Amazon's own client of Bedrock's rerank, whose access key is the key here."""

import pytest

boto3 = pytest.importorskip("boto3", reason="Amazon's client has an environment of its own")

from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

from tests.clients.texts import BEST, DOCUMENTS, QUERY  # noqa: E402


@pytest.fixture
def ask(server, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = boto3.client(
        "bedrock-agent-runtime",
        region_name="us-west-2",
        endpoint_url=server.url,
        config=Config(retries={"total_max_attempts": 1}),
        aws_access_key_id=server.key,
        aws_secret_access_key="x",
    )

    def rerank(model="bundled", **configuration):
        arn = f"arn:aws:bedrock:us-west-2::foundation-model/{model}"
        return client.rerank(
            queries=[{"type": "TEXT", "textQuery": {"text": QUERY}}],
            sources=[
                {
                    "type": "INLINE",
                    "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}},
                }
                for text in DOCUMENTS
            ],
            rerankingConfiguration={
                "type": "BEDROCK_RERANKING_MODEL",
                "bedrockRerankingConfiguration": {
                    "modelConfiguration": {"modelArn": arn},
                    **configuration,
                },
            },
        )

    return rerank


def test_rerank(ask):
    results = ask(numberOfResults=2)["results"]
    assert [hit["index"] for hit in results] == BEST[:2]
    assert results[0]["relevanceScore"] > results[1]["relevanceScore"]


def test_errors_become_its_exceptions(ask):
    with pytest.raises(ClientError, match=r"ValidationException.*exceeds the number of sources"):
        ask(numberOfResults=9)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        ask(model="none")
