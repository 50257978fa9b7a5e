"""The example fold killed, held back, cut off: every refusal and every event is stored once, in the order of their
causes, and all replicas come to the same state."""

import asyncio
import random

from support.counters import Counters
from support.forms import forms
from support.proxy import CuttingProxy

REPLICAS = 3
WINDOW_SECONDS = 1  # OUTCOME's duplicate window, made short: nothing may rest on it
SNAPSHOT_EVERY = ("--snapshot-every", "1000")


async def shorten_window(counters):
    config = (await counters.js.stream_info("OUTCOME")).config
    config.duplicate_window = WINDOW_SECONDS
    await counters.js.update_stream(config)


@forms("rounds", 4, 30)
async def test_replicas_killed_at_random(counter_stack, rounds):
    chance = random.Random(1)
    async with Counters.connected(counter_stack.url) as counters:
        await shorten_window(counters)
        replicas = [counter_stack.start_counter(*SNAPSHOT_EVERY) for _ in range(REPLICAS)]
        for _ in range(rounds):
            adding = asyncio.create_task(counters.add_many(chance, 1500))
            await asyncio.sleep(chance.uniform(0.05, 0.4))
            victim = chance.choice(replicas)
            victim.kill()
            if chance.random() < 0.5:
                other = chance.choice(replicas)
                other.kill()
            await adding
            for replica in replicas:
                if not replica.running:
                    replica.start()
        await counters.check(replicas=REPLICAS)
        await counters.check_verdicts(sorted(counters.log)[-40:])


@forms("seconds", 7, 20)
async def test_the_holder_held_back_longer_than_the_window(counter_stack, seconds):
    """It sleeps while it emits, and wakes when another has emitted all of that."""
    chance = random.Random(2)
    async with Counters.connected(counter_stack.url) as counters:
        await shorten_window(counters)
        replicas = [counter_stack.start_counter(*SNAPSHOT_EVERY) for _ in range(REPLICAS)]
        await counters.add_many(chance, 500)
        holder = next(replica for replica in replicas if replica.emits())
        adding = asyncio.create_task(counters.add_many(chance, 3000))
        await asyncio.sleep(0.1)
        holder.pause()
        await adding
        await asyncio.sleep(seconds)
        adding = asyncio.create_task(counters.add_many(chance, 1000))
        holder.resume()
        await adding
        await counters.check(replicas=REPLICAS)
        assert all(replica.running for replica in replicas)


@forms("rounds", 3, 15)
async def test_server_killed(counter_stack, rounds):
    chance = random.Random(3)
    async with Counters.connected(counter_stack.url) as counters:
        replicas = [counter_stack.start_counter(*SNAPSHOT_EVERY) for _ in range(REPLICAS)]
        for _ in range(rounds):
            await counters.add_many(chance, 800)
            counter_stack.server.kill()
            await asyncio.sleep(chance.uniform(0, 0.3))
            counter_stack.server.start()
        await counters.add_many(chance, 100)
        await counters.check(replicas=REPLICAS)
        assert all(replica.running for replica in replicas)


@forms("rounds", 3, 15)
async def test_cut_in_mid_message(counter_stack, rounds):
    chance = random.Random(4)
    with CuttingProxy(counter_stack.server.port) as proxy:
        async with Counters.connected(counter_stack.url) as counters:
            replica = counter_stack.start_counter(*SNAPSHOT_EVERY, server=proxy)
            for n in range(rounds):
                proxy.cut_after(chance.randrange(1, 50_000))
                await counters.add_many(chance, 700)
                while proxy.cuts <= n:
                    await counters.add_many(chance, 100)
            await counters.check()
            assert replica.running


async def test_a_fresh_replica_behind_kills_and_a_purge(counter_stack):
    """Snapshots are written by whoever holds the lease; the log below the newest is not needed any more."""
    chance = random.Random(5)
    async with Counters.connected(counter_stack.url) as counters:
        replicas = [counter_stack.start_counter("--snapshot-every", "300") for _ in range(2)]
        for victim in replicas * 2:
            await counters.add_many(chance, 700)
            await counters.check()
            victim.kill()
            await counters.add_many(chance, 50)
            victim.start()
        await counters.check(replicas=2)
        store = await counters.js.object_store("SNAPSHOTS")
        newest = max(int(info.name.split(".")[2]) for info in await store.list() if not info.deleted)
        await counters.js.purge_stream("COUNTER", seq=newest)
        counter_stack.start_counter()
        await counters.check(replicas=3)
