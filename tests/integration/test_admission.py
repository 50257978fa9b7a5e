"""Who may wait for an executor, at a real server: what is ahead of a request counts, and stops counting when it is
gone."""

import asyncio
import time

import pytest
from support.client import Client
from support.fixtures import running
from support.stack import Stack

QUEUE_MAX = 256
OPENS_SECONDS = 30  # an executor is idle for 5 s, and has to start
BODY = {"prompt": "a", "max_tokens": 2, "temperature": 0}


def without_executor(stack):
    stack.start_server()
    stack.start_tokenizer()


@pytest.fixture
def unserved_stack(tmp_path, tiny):
    yield from running(Stack(tmp_path, {"tiny": tiny}), without_executor)


async def test_the_queue_opens_again_when_its_work_was_purged(unserved_stack):
    async with Client.connected(unserved_stack.url) as client:
        for n in range(QUEUE_MAX):
            await client.publish(BODY, f"lost-{n}")
        assert (await client.answer(await client.publish(BODY, "one-more"))).error["code"] == "overloaded"
        await client.connection.jetstream().purge_stream("EXEC")
        unserved_stack.start_executor()
        until = time.monotonic() + OPENS_SECONDS
        answer = None
        while not answer or answer.error:
            assert time.monotonic() < until, "overloaded for ever"
            await asyncio.sleep(0.5)
            answer = await client.answer(await client.publish(BODY, client.new_request()))
            assert not answer.error or answer.error["code"] == "overloaded"
        assert answer.finish_reason == "length"
