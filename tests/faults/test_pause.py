"""SIGSTOP and SIGCONT: a process that slept past its ack_wait disturbs no answer when it wakes, and settles
nothing that another has taken over."""

import asyncio

from support.client import Client
from support.forms import forms
from support.witness import Witness, bodies

PAUSES = 7, 20  # both longer than ack_wait, 5 s
AWAKE_SECONDS = 3


@forms("seconds", *PAUSES)
async def test_executor_overtaken(slow_stack, seconds):
    """Another takes its work over; awake again, it drops what it held and goes on with new work."""
    async with Client.connected(slow_stack.url, model="slow") as client:
        witness = await Witness.of(client, bodies(3, 60))
        requests = [await client.publish(body, client.new_request()) for body in witness.bodies]
        await client.chunks_heard(requests[0], 5)
        slow_stack.executors[0].pause()
        slow_stack.start_executor()
        await asyncio.sleep(seconds)
        slow_stack.executors[0].resume()
        await witness.check(client, requests)
        await asyncio.sleep(AWAKE_SECONDS)
        await witness.check(client, requests)  # as it was: no chunk, no second RESULT
        await client.all_settled()
        slow_stack.executors[1].kill()
        await witness.check(client, [await client.publish(body, client.new_request()) for body in witness.bodies])


@forms("seconds", *PAUSES)
async def test_executor_alone(slow_stack, seconds):
    """Nobody takes over: its own work is delivered to it again."""
    async with Client.connected(slow_stack.url, model="slow") as client:
        witness = await Witness.of(client, bodies(3, 40))
        requests = [await client.publish(body, client.new_request()) for body in witness.bodies]
        await client.chunks_heard(requests[0], 5)
        slow_stack.executors[0].pause()
        await asyncio.sleep(seconds)
        slow_stack.executors[0].resume()
        await witness.check(client, requests)
        await client.all_settled()


@forms("seconds", *PAUSES)
async def test_tokenizer(stack, seconds):
    """What it had pulled goes to the other one; awake again, it passes nothing on a second time."""
    async with Client.connected(stack.url) as client:
        witness = await Witness.of(client, bodies(16, 12))
        requests = [await client.publish(body, client.new_request()) for body in witness.bodies]
        stack.tokenizers[0].pause()
        stack.start_tokenizer()
        await asyncio.sleep(seconds)
        stack.tokenizers[0].resume()
        await witness.check(client, requests)
        await asyncio.sleep(AWAKE_SECONDS)
        await witness.check(client, requests)
        await client.all_settled()
