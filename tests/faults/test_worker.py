"""The example worker killed, stopped, cut off and drained: every text still has one answer, the right one.

This is the runtime's promise without a model in the way: what is here must hold before anything above it can."""

import asyncio
import random

from support.forms import forms
from support.proxy import CuttingProxy
from support.words import Words

TEXTS = 400


@forms("rounds", 3, 20)
async def test_kill(example_stack, rounds):
    chance = random.Random(1)
    async with Words.connected(example_stack.url) as words:
        for _ in range(rounds):
            publishing = asyncio.create_task(words.publish_many(TEXTS))
            await asyncio.sleep(chance.uniform(0.01, 0.1))
            example_stack.examples[0].kill()
            example_stack.examples[0].start()
            await publishing
        await words.check()


@forms("rounds", 3, 20)
async def test_server_killed(example_stack, rounds):
    chance = random.Random(2)
    async with Words.connected(example_stack.url) as words:
        for _ in range(rounds):
            publishing = asyncio.create_task(words.publish_many(TEXTS))
            await asyncio.sleep(chance.uniform(0.01, 0.1))
            example_stack.server.kill()
            await asyncio.sleep(chance.uniform(0, 0.3))
            example_stack.server.start()
            await publishing
        await words.check()
    assert example_stack.examples[0].running


@forms("rounds", 2, 8)
async def test_cut_in_mid_message(example_stack, rounds):
    chance = random.Random(3)
    with CuttingProxy(example_stack.server.port) as proxy:
        async with Words.connected(example_stack.url) as words:
            example_stack.examples[0].stop()
            actor = example_stack.start_example(proxy)
            for n in range(rounds):
                proxy.cut_after(chance.randrange(1, 20_000))
                await words.publish_many(TEXTS // 4)
                await words.publish("many " * 100_000)  # spans many packets
                await words.settled(30)
                assert proxy.cuts == n + 1
            await words.check()
        assert actor.running
        assert actor.stop() == 0


@forms("seconds", 7, 20)
async def test_paused_and_overtaken(example_stack, seconds):
    async with Words.connected(example_stack.url) as words:
        publishing = asyncio.create_task(words.publish_many(TEXTS))
        await asyncio.sleep(0.02)
        example_stack.examples[0].pause()
        example_stack.start_example()
        await publishing
        await asyncio.sleep(seconds)
        example_stack.examples[0].resume()
        await words.publish_many(TEXTS)
        await words.check()


async def test_a_drain_loses_nothing(example_stack):
    """SIGTERM while texts stream in: it ends well, and what it held goes to the next."""
    async with Words.connected(example_stack.url) as words:
        publishing = asyncio.create_task(words.publish_many(2000))
        for _ in range(4):
            await asyncio.sleep(0.1)
            assert example_stack.examples[0].stop() == 0
            example_stack.examples[0].start()
        await publishing
        await words.check()
