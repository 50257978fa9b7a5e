"""Bodies above the server's max_payload travel by reference: they lie in the object store BLOBS, in the stock
layout, and Rp-Body names them. Both ways: what a client puts there, and what Reprise does."""

import hashlib
import json

import pytest

GREEDY = {"temperature": 0, "max_tokens": 4, "prompt": "The sky is blue because the air"}
LARGE = 3 << 20  # three times the server's limit


def large_body():
    return json.dumps(GREEDY).encode() + b" " * LARGE


async def put(client, name, body):
    store = await client.js.object_store("BLOBS")
    await store.put(name, body)
    return hashlib.sha256(body).hexdigest()


async def publish_by_reference(client, reference):
    request = client.new_request()
    await client.publish(b"", request, {"Rp-Body": reference})
    return request


async def test_a_request_by_reference(client):
    digest = await put(client, "large-request", large_body())
    request = await publish_by_reference(client, f"BLOBS/large-request;{digest}")
    answer = await client.answer(request)
    plain = await client.ask(GREEDY)
    assert answer.tokens == plain.tokens and answer.last["digest"] == plain.last["digest"]


@pytest.mark.parametrize("reference, reason", [
    ("BLOBS/nobody;" + "0" * 64, "no object nobody"),
    ("elsewhere/x;" + "0" * 64, "Rp-Body takes BLOBS/"),
    ("BLOBS/x", "Rp-Body takes BLOBS/"),
    ("BLOBS/x;" + "0" * 63, "SHA-256"),
    ("BLOBS/;" + "0" * 64, "SHA-256"),
], ids=["missing", "bucket", "no_digest", "short_digest", "no_name"])
async def test_a_reference_to_nothing_is_refused(client, reference, reason):
    request = await publish_by_reference(client, reference)
    answer = await client.answer(request)
    assert answer.error["code"] == "invalid_argument"
    assert answer.error["field"] == "Rp-Body"
    assert reason in answer.error["message"]
    assert (await client.result(request))["error"] == answer.error


async def test_a_body_that_is_not_what_it_claims_is_refused(client):
    await put(client, "changed", json.dumps(GREEDY).encode())
    request = await publish_by_reference(client, f"BLOBS/changed;{'0' * 64}")
    answer = await client.answer(request)
    assert answer.error["field"] == "Rp-Body"
    assert "SHA-256 differs" in answer.error["message"]


async def test_an_answer_above_the_limit_travels_by_reference(client):
    """One chunk with the log-probabilities of more tokens than a message holds."""
    body = {"prompt": "The", "max_tokens": 1500, "temperature": 0, "logprobs": 20, "stream": False,
            "logit_bias": {"1": -100, "106": -100}}
    request = client.new_request()
    heard = await client.connection.subscribe(f"reply.{client.tenant}.{request}")
    await client.publish(body, request)
    message = await heard.next_msg(timeout=60)
    name, digest = message.headers["Rp-Body"].removeprefix("BLOBS/").split(";")
    stored = (await (await client.js.object_store("BLOBS")).get(name)).data
    assert message.data == b"" and hashlib.sha256(stored).hexdigest() == digest
    chunk = json.loads(stored)
    assert chunk["request"] == request and len(chunk["tokens"]) == len(chunk["logprobs"]) == 1500
    assert chunk["finish_reason"] == "length"
