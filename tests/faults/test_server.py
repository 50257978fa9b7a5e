"""The server goes away in mid answer and in mid message, and comes back with what it stored."""

import asyncio
import json
import random

import pytest
from support.client import Client
from support.forms import forms
from support.proxy import CuttingProxy
from support.witness import Witness, bodies

PADDING_BYTES = 600_000


def padded(body):
    """The same request in a body so large that reading it takes many packets."""
    return json.dumps(body).encode() + b" " * PADDING_BYTES


@forms("rounds", 1, 8)
async def test_kill_in_mid_answer(slow_stack, rounds):
    chance = random.Random(4)
    async with Client.connected(slow_stack.url, model="slow") as client:
        witness = await Witness.of(client, bodies(2, 40))
        for _ in range(rounds):
            requests = [await client.publish(body, client.new_request()) for body in witness.bodies]
            await client.chunks_heard(requests[0], chance.randrange(1, 35))
            slow_stack.server.kill()
            await asyncio.sleep(chance.uniform(0, 1))
            slow_stack.server.start()
            await witness.check(client, requests)
    assert all(actor.running for actor in slow_stack.processes)


@forms("rounds", 2, 10)
async def test_kill_in_mid_message(stack, rounds):
    """Large requests are on their way to the tokenizer, and small answers back, when it is killed."""
    chance = random.Random(5)
    async with Client.connected(stack.url) as client:
        witness = await Witness.of(client, bodies(12, 10))
        for _ in range(rounds):
            requests = [client.new_request() for _ in witness.bodies]
            publishing = asyncio.gather(*(client.publish(padded(body), request)
                                          for body, request in zip(witness.bodies, requests)))
            await asyncio.sleep(chance.uniform(0.005, 0.1))
            stack.server.kill()
            await asyncio.sleep(0.2)
            stack.server.start()
            await publishing
            await witness.check(client, requests)
    assert all(actor.running for actor in stack.processes)


@forms("rounds", 2, 6)
@pytest.mark.parametrize("actor", ["tokenizer", "executor"])
async def test_cut_in_mid_message(stack, actor, rounds):
    """An actor's connection ends at a byte inside of a message: it comes back, and no message is mangled."""
    chance = random.Random(6)
    async with Client.connected(stack.url) as client:
        witness = await Witness.of(client, bodies(6, 10))
        with CuttingProxy(stack.server.port) as proxy:
            if actor == "tokenizer":
                stack.tokenizers[0].stop()
                victim, reach = stack.start_tokenizer(proxy), PADDING_BYTES
            else:
                stack.executors[0].stop()
                victim, reach = stack.start_executor(proxy), 3000
            for _ in range(rounds):
                cuts = proxy.cuts
                proxy.cut_after(chance.randrange(reach))
                requests = [await client.publish(padded(body), client.new_request()) for body in witness.bodies]
                await witness.check(client, requests)
                assert proxy.cuts == cuts + 1
        assert victim.running


async def test_actors_wait_for_a_server(stack):
    """Away for longer than any retry: nobody gives up."""
    async with Client.connected(stack.url) as client:
        await client.ask({"prompt": "a", "max_tokens": 2})
        stack.server.kill()
        await asyncio.sleep(8)
        stack.server.start()
        answer = await client.ask({"prompt": "a", "max_tokens": 2}, seconds=30)
        assert answer.finish_reason == "length"
    assert all(actor.running for actor in stack.processes)
