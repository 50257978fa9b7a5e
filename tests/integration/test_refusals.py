"""What cannot be answered is refused, clearly: on the reply subject and in RESULT, with a code of the closed
list, the field, the limit where there is one, and a sentence. Then the next request is served."""

import json

import pytest
from support.client import PROTOBUF
from support.wire import schema

GOOD = {"prompt": "The sky", "max_tokens": 3, "temperature": 0}
PROMPT_TOKENS_MAX = 2047  # the context less one for the answer
REFUSED_SECONDS = 15


async def refused(client, body, headers=None, request=None, model=None):
    """(answer, error) of a request that must fail; a good one must work after it."""
    request = await client.publish(body, request or client.new_request(), headers, model)
    answer = await client.answer(request, REFUSED_SECONDS)
    result = await client.result(request)
    assert answer.finish_reason == "error", f"answered: {answer.text!r}"
    assert len(answer.chunks) == 1 and answer.tokens == [] and answer.text == ""
    assert result["error"] == answer.error and result["finish_reason"] == "error"
    assert result["tokens"] == []
    assert len(answer.error["message"]) > 10
    assert (await client.ask(GOOD)).finish_reason == "length"
    return answer, answer.error


def good(**changes):
    return {**GOOD, **changes}


CASES = {
    # what: (body, code or codes, field, part of the limit)
    "broken_json": (b'{"prompt": "a', "invalid_json", None, None),
    "no_json": (b"hello", "invalid_json", None, None),
    "two_documents": (b'{"prompt": "a"} {}', "invalid_json", None, None),
    "empty_body": (b"", "invalid_json", None, None),
    "json_not_an_object": (b"[1, 2]", ("invalid_json", "invalid_argument"), None, None),
    "deep_json": (b'{"prompt":' + b"[" * 5000 + b"]" * 5000 + b"}",
                  ("invalid_json", "invalid_argument", "payload_too_large"), None, None),
    "key_twice": (b'{"prompt": "a", "prompt": "b"}', "invalid_argument", "prompt", None),
    "invalid_utf8": (b'{"prompt": "a\xff\xfeb"}', "invalid_utf8", None, None),
    "invalid_utf8_key": (b'{"pro\xc3(pt": "a"}', ("invalid_utf8", "unknown_field"), None, None),
    "lone_surrogate": (b'{"prompt": "a\\ud800b"}', ("invalid_utf8", "invalid_json", "invalid_argument"), None, None),
    "unknown_field": (good(max_token=3), "unknown_field", "max_token", None),
    "no_prompt": ({"max_tokens": 3}, "prompt_empty", None, None),
    "empty_prompt": (good(prompt=""), "prompt_empty", "prompt", None),
    "empty_messages": ({"messages": []}, "prompt_empty", "messages", None),
    "empty_tokens": ({"tokens": []}, "prompt_empty", None, None),
    "prompt_and_tokens": (good(tokens=[2, 600]), "invalid_argument", None, None),
    "prompt_and_messages": (good(messages=[{"role": "user", "content": "a"}]), "invalid_argument", None, None),
    "unknown_role": ({"messages": [{"role": "boss", "content": "a"}]}, "invalid_argument", "messages[0].role", None),
    "message_without_content": ({"messages": [{"role": "user"}]}, "invalid_argument", "messages[0]", None),
    "prompt_too_long": (good(prompt="word " * 4000), "prompt_too_long", "prompt", str(PROMPT_TOKENS_MAX)),
    "tokens_too_long": ({"tokens": [600] * 3000}, "prompt_too_long", "tokens", str(PROMPT_TOKENS_MAX)),
    "messages_too_long": ({"messages": [{"role": "user", "content": "word " * 4000}]}, "prompt_too_long",
                          "messages", str(PROMPT_TOKENS_MAX)),
    "prompt_of_900_kB": (good(prompt="x" * 900_000), ("prompt_too_long", "payload_too_large"), None, ""),
    "token_out_of_range": ({"tokens": [2, 1021]}, "invalid_argument", "tokens[1]", ""),
    "negative_token": ({"tokens": [2, -1]}, "invalid_argument", "tokens", None),
    "tokens_of_text": ({"tokens": ["a"]}, "invalid_argument", "tokens", None),
    "prompt_a_number": (good(prompt=3), "invalid_argument", "prompt", None),
    "messages_a_text": ({"messages": "hello"}, "invalid_argument", "messages", None),
    "max_tokens_a_text": (good(max_tokens="many"), "invalid_argument", "max_tokens", None),
    "max_tokens_negative": (good(max_tokens=-1), "invalid_argument", "max_tokens", None),
    "max_tokens_zero": (good(max_tokens=0), "invalid_argument", "max_tokens", None),
    "max_tokens_broken": (good(max_tokens=2.5), "invalid_argument", "max_tokens", None),
    "max_tokens_huge": (b'{"prompt": "a", "max_tokens": 1e99}', "invalid_argument", "max_tokens", None),
    "temperature_a_text": (good(temperature="hot"), "invalid_argument", "temperature", None),
    "temperature_negative": (good(temperature=-1), "invalid_argument", "temperature", ""),
    "temperature_huge": (good(temperature=1e30), "invalid_argument", "temperature", ""),
    "temperature_infinite": (b'{"prompt": "a", "temperature": 1e999}', ("invalid_argument", "invalid_json"), None,
                             None),
    "temperature_nan": (b'{"prompt": "a", "temperature": NaN}', "invalid_json", None, None),
    "top_p_above_1": (good(top_p=1.5), "invalid_argument", "top_p", ""),
    "top_p_negative": (good(top_p=-0.1), "invalid_argument", "top_p", ""),
    "min_p_above_1": (good(min_p=2), "invalid_argument", "min_p", ""),
    "top_k_negative": (good(top_k=-5), "invalid_argument", "top_k", None),
    "logprobs_huge": (good(logprobs=1_000_000), "invalid_argument", "logprobs", ""),
    "logit_bias_key": (good(logit_bias={"cat": 1}), "invalid_argument", "logit_bias", None),
    "logit_bias_range": (good(logit_bias={"99999999": 1}), "invalid_argument", "logit_bias", ""),
    "logit_bias_value": (good(logit_bias={"600": 1e30}), "invalid_argument", "logit_bias", ""),
    "presence_penalty": (good(presence_penalty=1e9), "invalid_argument", "presence_penalty", ""),
    "frequency_penalty": (good(frequency_penalty=-1e9), "invalid_argument", "frequency_penalty", ""),
    "repetition_penalty": (good(repetition_penalty=0), "invalid_argument", "repetition_penalty", ""),
    "seed_negative": (good(seed=-1), "invalid_argument", "seed", None),
    "stop_empty": (good(stop=""), "invalid_argument", "stop", None),
    "stop_a_number": (good(stop=[3]), "invalid_argument", "stop", None),
    "stop_many": (good(stop=[f"s{i}" for i in range(10_000)]), ("invalid_argument", "payload_too_large"), "stop", ""),
    "stop_long": (good(stop="s" * 100_000), ("invalid_argument", "payload_too_large"), "stop", ""),
    "stream_a_number": (good(stream=3), "invalid_argument", "stream", None),
    "chunk_tokens_zero": (good(chunk_tokens=0), "invalid_argument", "chunk_tokens", None),
    "chunk_tokens_huge": (good(chunk_tokens=2**31), "invalid_argument", "chunk_tokens", ""),
    "another_model": (good(model="gpt"), "invalid_argument", "model", None),
    "session_huge": (good(session="s" * 100_000), ("invalid_argument", "payload_too_large"), "session", ""),
}


@pytest.mark.parametrize("name", CASES)
async def test_body(client, name):
    body, codes, field, limit = CASES[name]
    _, error = await refused(client, body)
    codes = (codes,) if isinstance(codes, str) else codes
    assert error["code"] in codes, error
    if field is not None:
        assert error["field"].startswith(field), error
    if limit is not None:
        assert error.get("limit") and limit in error["limit"], error


async def test_the_nearest_field_is_named(client):
    _, error = await refused(client, good(max_token=3))
    assert "max_tokens" in error["message"]


async def test_unknown_model(client):
    _, error = await refused(client, GOOD, model="nosuch")
    assert error["code"] == "model_not_found" and "nosuch" in error["message"]


async def test_model_names_are_encoded(client):
    """v1=2E2 is the name v1.2; a token that encodes nothing is no name."""
    _, error = await refused(client, GOOD, model="v1=2E2")
    assert error["code"] == "model_not_found" and "v1.2" in error["message"]
    _, error = await refused(client, GOOD, model="v1=zz")
    assert error["code"] in ("model_not_found", "invalid_argument")


# -- headers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", ["reply.other.{request}", "reply.acme.another", "_INBOX.abc", "$JS.API.INFO"])
async def test_foreign_reply_to(client, subject):
    request = client.new_request()
    reply_to = subject.format(request=request)
    answer, error = await refused(client, GOOD, {"Rp-Reply-To": reply_to}, request)
    assert error["code"] == "reply_to_denied" and error["field"] == "Rp-Reply-To"


@pytest.mark.parametrize("request_id", ["12345", "a.b", "a b", "ä", "x" * 65, "*", ">", "a=2Eb"])
async def test_invalid_request_id(client, request_id):
    """It is answered under the sequence, since its own id cannot be a subject."""
    ack = await client.publish_stored("infer.acme.tiny", json.dumps(GOOD).encode(), {"Rp-Request": request_id})
    answer = await client.answer(str(ack.seq), REFUSED_SECONDS)
    assert answer.error["code"] == "invalid_argument" and answer.error["field"] == "Rp-Request"
    assert (await client.result(str(ack.seq)))["error"] == answer.error


async def test_unknown_content_type(client):
    _, error = await refused(client, GOOD, {"Content-Type": "text/xml"})
    assert error["code"] == "unsupported" and error["field"] == "Content-Type"


@pytest.mark.parametrize("deadline", ["soon", "-5", "1e99", "99999999999999999999999"])
async def test_broken_deadline(client, deadline):
    _, error = await refused(client, GOOD, {"Rp-Deadline": deadline})
    assert error["code"] == "invalid_argument" and error["field"] == "Rp-Deadline"


async def test_broken_protobuf(client):
    for body in (b"\xff\xff\xff\xff", b"\x12\xff\xff\xff\xff\x7fabc", b'{"prompt": "a"}'):
        answer, error = await refused(client, body, {"Content-Type": PROTOBUF})
        assert error["code"] in ("invalid_protobuf", "unknown_field")
        assert answer.headers[0]["Content-Type"] == PROTOBUF


async def test_protobuf_of_a_wrong_value(client):
    body = schema("request").InferRequest(prompt="a", temperature=-1).SerializeToString()
    _, error = await refused(client, body, {"Content-Type": PROTOBUF})
    assert error["code"] == "invalid_argument" and error["field"] == "temperature"


async def test_a_refusal_says_what_it_was_about(client):
    """Everything RESULT has of an answer, as far as it is known."""
    request = await client.publish(good(top_p=7), client.new_request())
    await client.answer(request)
    result = await client.result(request)
    assert (result["tenant"], result["model"]) == ("acme", "tiny")
    assert result["build"] and int(result["request_sequence"]) > 0
    assert "exec_sequence" not in result
