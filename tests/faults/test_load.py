"""Far more requests than can be served: each one ends in an answer or in an explicit `overloaded`."""

import asyncio
from collections import Counter

from support.client import Client
from support.forms import forms

TOKENS = 4
IN_FLIGHT = 512  # publishes without an ack
ANSWERED_SECONDS = 600


@forms("count", 1_000, 10_000)
async def test_all_are_accounted_for(stack, count):
    async with Client.connected(stack.url) as client:
        await publish_all(client, count)
        endings = await all_endings(client, count)
        assert set(endings) <= {"length", "overloaded"}, endings
        assert endings["length"] > 0
        await client.all_settled()
        results = await client.js.stream_info("RESULT", subjects_filter="result.acme.>")
        assert results.state.subjects == {f"result.acme.load-{n}": 1 for n in range(count)}
        answer = await client.ask({"prompt": "after all that", "max_tokens": TOKENS})
        assert answer.finish_reason == "length", answer.error


async def publish_all(client, count):
    """As fast as the server takes them, with acks; a refused publish is tried again."""
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def one(n):
        async with gate:
            await client.publish({"prompt": f"Number {n}", "max_tokens": TOKENS, "temperature": 0}, f"load-{n}")

    await asyncio.gather(*(one(n) for n in range(count)))


async def all_endings(client, count):
    """How often each ending occurred. Every answer is checked as if it were alone."""
    endings = Counter()
    for n in range(count):
        answer = await client.answer(f"load-{n}", ANSWERED_SECONDS)
        endings[answer.error["code"] if answer.error else answer.finish_reason] += 1
        assert answer.error or len(answer.tokens) == TOKENS
    return endings


async def test_overload_says_so(slow_stack):
    """More than the queue holds: what is too much is refused at once, not after a time-out."""
    count, queue_max, slots_max = 600, 256, 64
    async with Client.connected(slow_stack.url, model="slow") as client:
        body = {"prompt": "a", "max_tokens": 40, "temperature": 0}
        requests = [await client.publish(body, f"burst-{n}") for n in range(count)]
        refused = []
        for _ in range(100):
            await asyncio.sleep(0.05)
            refused = [request for request in requests if client.refusal(request)]
            if len(refused) >= count - queue_max - slots_max:
                break
        assert len(refused) >= count - queue_max - slots_max
        answer = await client.answer(refused[-1])
        assert answer.error["code"] == "overloaded" and str(queue_max) in answer.error["limit"]
        for request in set(requests) - set(refused):
            await client.cancel(request)
