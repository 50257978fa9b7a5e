"""What ends an answer early: cancel and deadline, at every stage. The text before it is that of an undisturbed
answer, and RESULT tells the token at which it ended."""

import asyncio
import time

LONG = {"prompt": "The sky is blue", "max_tokens": 400, "temperature": 0}


async def undisturbed(client, tokens):
    return await client.ask({**LONG, "max_tokens": tokens})


async def check_cut(client, request, reason):
    answer, result = await client.answer_and_result(request)
    assert answer.finish_reason == reason
    assert len(answer.tokens) < LONG["max_tokens"]
    assert result["ended_at_token"] == len(answer.tokens)
    whole = await undisturbed(client, max(1, len(answer.tokens)))
    assert answer.tokens == whole.tokens[: len(answer.tokens)]
    assert whole.text.startswith(answer.text.rstrip("\ufffd"))
    return answer


async def test_cancel_in_mid_answer(slow_client):
    client = slow_client
    request = await client.publish(LONG, client.new_request())
    await client.chunks_heard(request, 5)
    await client.cancel(request)
    answer = await check_cut(client, request, "cancelled")
    assert len(answer.tokens) >= 5


async def test_cancel_before_the_request(slow_client):
    client = slow_client
    request = client.new_request()
    await client.cancel(request)
    await client.publish(LONG, request)
    answer = await check_cut(client, request, "cancelled")
    assert answer.tokens == []


async def test_cancel_while_it_waits(slow_client):
    """Whatever holds the executor, a cancelled request behind it gives no token if it had none."""
    client = slow_client
    ahead = [await client.publish({**LONG, "max_tokens": 60}, client.new_request()) for _ in range(3)]
    request = await client.publish(LONG, client.new_request())
    await client.cancel(request)
    await check_cut(client, request, "cancelled")
    for other in ahead:
        assert (await client.answer(other)).finish_reason == "length"


async def test_cancel_with_a_reason_in_json(slow_client):
    client = slow_client
    request = await client.publish(LONG, client.new_request())
    await client.chunks_heard(request, 2)
    await client.publish_stored(f"control.acme.{request}.cancel", b'{"reason": "changed my mind"}')
    await check_cut(client, request, "cancelled")


async def test_cancel_after_the_end_changes_nothing(slow_client):
    client = slow_client
    answer = await undisturbed(client, 3)
    before = await client.result(answer.request)
    await client.cancel(answer.request)
    await asyncio.sleep(0.3)
    assert await client.result(answer.request) == before
    assert len(await client.stored("REPLY", f"reply.acme.{answer.request}")) == len(answer.chunks)


async def test_a_cancel_of_another_tenant_is_not_ours(slow_client):
    client = slow_client
    request = await client.publish({**LONG, "max_tokens": 40}, client.new_request())
    await client.publish_stored(f"control.other.{request}.cancel", b"")
    assert (await client.answer(request)).finish_reason == "length"


async def test_a_broken_cancel_still_answers(slow_client):
    client = slow_client
    request = await client.publish({**LONG, "max_tokens": 40}, client.new_request())
    await client.publish_stored(f"control.acme.{request}.cancel", b"\xff{{{")
    assert (await client.answer(request)).finish_reason in ("length", "cancelled")


async def test_deadline_past(slow_client):
    client = slow_client
    past = str(int(time.time() * 1000) - 5000)
    request = await client.publish(LONG, client.new_request(), {"Rp-Deadline": past})
    answer, result = await client.answer_and_result(request)
    assert answer.finish_reason == "deadline" and answer.tokens == []
    assert result["ended_at_token"] == 0
    assert answer.last["digest"] == "0" * 32, "of no tokens"
    assert answer.last["usage"]["completion_tokens"] == answer.last["usage"]["cached_tokens"] == 0


async def test_deadline_in_mid_answer(slow_client):
    client = slow_client
    request = await client.publish({**LONG, "max_tokens": 1500, "deadline_ms": 700}, client.new_request())
    answer, result = await client.answer_and_result(request)
    assert answer.finish_reason == "deadline"
    assert 0 < len(answer.tokens) < 1500
    assert result["ended_at_token"] == len(answer.tokens)


async def test_the_earlier_deadline_holds(slow_client):
    client = slow_client
    start = time.monotonic()
    soon = str(int(time.time() * 1000) + 500)
    request = await client.publish({**LONG, "max_tokens": 1500, "deadline_ms": 60_000}, client.new_request(),
                                   {"Rp-Deadline": soon})
    assert (await client.answer(request)).finish_reason == "deadline"
    assert time.monotonic() - start < 5


async def test_a_deadline_far_away_changes_nothing(slow_client):
    client = slow_client
    answer = await client.ask({**LONG, "max_tokens": 5, "deadline_ms": 600_000})
    assert answer.finish_reason == "length"


async def test_cancel_of_an_answer_in_one_piece(slow_client):
    """stream false: nothing was sent before, and the one chunk has what there was."""
    client = slow_client
    request = await client.publish({**LONG, "stream": False}, client.new_request())
    await asyncio.sleep(0.5)
    await client.cancel(request)
    answer = await check_cut(client, request, "cancelled")
    assert len(answer.chunks) == 1
