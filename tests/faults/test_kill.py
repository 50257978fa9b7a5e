"""kill -9 of an actor in mid answer: the client ends with the same whole answer as undisturbed."""

import asyncio
import random

from support.client import Client
from support.forms import forms
from support.witness import Witness, bodies

TOKENS = 60


@forms("rounds", 3, 20)
async def test_executor(slow_stack, rounds):
    """Its work comes back to the one started instead, which goes on behind the last stored chunk."""
    chance = random.Random(1)
    async with Client.connected(slow_stack.url, model="slow") as client:
        witness = await Witness.of(client, bodies(1, TOKENS))
        for _ in range(rounds):
            request = await client.publish(witness.bodies[0], client.new_request())
            await client.chunks_heard(request, chance.randrange(1, TOKENS - 5))
            slow_stack.executors[0].kill()
            assert len(client.heard[request]) < TOKENS, "the answer was whole before the kill"
            slow_stack.executors[0].start()
            await witness.check(client, [request])


@forms("rounds", 3, 20)
async def test_tokenizer(stack, rounds):
    """Killed with requests at every stage: not yet read, read and not passed on, passed on and not settled."""
    chance = random.Random(2)
    async with Client.connected(stack.url) as client:
        witness = await Witness.of(client, bodies(16, 12))
        for _ in range(rounds):
            requests = [await client.publish(body, client.new_request()) for body in witness.bodies]
            await asyncio.sleep(chance.uniform(0, 0.03))
            stack.tokenizers[0].kill()
            stack.tokenizers[0].start()
            await witness.check(client, requests)


@forms("rounds", 1, 5)
async def test_both(slow_stack, rounds):
    chance = random.Random(3)
    async with Client.connected(slow_stack.url, model="slow") as client:
        witness = await Witness.of(client, bodies(4, 20))
        for _ in range(rounds):
            requests = [await client.publish(body, client.new_request()) for body in witness.bodies]
            await client.chunks_heard(requests[0], chance.randrange(1, 15))
            for actor in (slow_stack.executors[0], slow_stack.tokenizers[0]):
                actor.kill()
            for actor in (slow_stack.tokenizers[0], slow_stack.executors[0]):
                actor.start()
            await witness.check(client, requests)


@forms("rounds", 2, 6)
async def test_either_of_two_executors(slow_stack, rounds):
    """Both work, each is killed in turn, and the other takes over what it held."""
    slow_stack.start_executor()
    async with Client.connected(slow_stack.url, model="slow") as client:
        witness = await Witness.of(client, bodies(6, 20))
        for n in range(rounds):
            requests = [await client.publish(body, client.new_request()) for body in witness.bodies]
            await client.chunks_heard(requests[0], 5)
            slow_stack.executors[n % 2].kill()
            await witness.check(client, requests)
            slow_stack.executors[n % 2].start()
        subjects = {m.subject for _, m in await client.stored("STEP", "step.>")}
        assert len(subjects) >= 2, "one executor did all the work"


async def test_a_drain_hands_work_back(slow_stack):
    """SIGTERM in mid answer: it ends well and soon, and another finishes what it could not."""
    async with Client.connected(slow_stack.url, model="slow") as client:
        witness = await Witness.of(client, bodies(3, 60))
        requests = [await client.publish(body, client.new_request()) for body in witness.bodies]
        await client.chunks_heard(requests[0], 3)
        slow_stack.start_executor()
        assert slow_stack.executors[0].stop() == 0
        assert slow_stack.tokenizers[0].stop() == 0
        slow_stack.tokenizers[0].start()
        await witness.check(client, requests)
