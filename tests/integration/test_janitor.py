"""The janitor: room is made of what is settled, and of nothing else."""

import asyncio
import random

import nats
import pytest

from support.counters import Counters
from support.fixtures import running
from support.stack import Stack

JANITOR = ("--every", "100ms", "--above", "0")


@pytest.fixture
def empty_stack(tmp_path):
    """A server with its streams, and nobody who works."""
    yield from running(Stack(tmp_path, {}, JANITOR), Stack.start_server)


def start_janitor(stack):
    return stack.start_actor("reprise-janitor", "janitor", stack.examples, None)


async def newest_snapshots(js, partitions):
    """The sequence of each partition's newest snapshot, and its name."""
    newest = {}
    for info in await (await js.object_store("SNAPSHOTS")).list():
        _, partition, sequence, _ = info.name.split(".")
        newest[int(partition)] = max(newest.get(int(partition), (0, "")), (int(sequence), info.name))
    assert len(newest) == partitions
    return newest


async def first_sequence(js, stream):
    return (await js.stream_info(stream)).state.first_seq


async def until(condition, what, seconds=10):
    for _ in range(int(seconds / 0.05)):
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(what)


async def test_what_is_settled_goes_and_what_is_not_stays(empty_stack):
    connection = await nats.connect(empty_stack.url)
    js = connection.jetstream()
    for n in range(20):
        await js.publish("infer.acme.m", b"{}", headers={"Rp-Request": f"r{n}"})
    pull = await js.pull_subscribe("", durable="tokenizer", stream="REQUEST")
    messages = await pull.fetch(12, timeout=5)
    for message in messages[:5] + messages[6:]:  # the sixth is held
        await message.ack_sync()
    start_janitor(empty_stack)

    async def purged_to(sequence):
        return await first_sequence(js, "REQUEST") == sequence
    await until(lambda: purged_to(6), "1 to 5 are settled")
    await asyncio.sleep(0.5)
    assert await purged_to(6), "the sixth is not"
    await messages[5].ack_sync()
    print(len(messages), [m.metadata.sequence.stream for m in messages], await first_sequence(js, "REQUEST"), await js.consumer_info("REQUEST", "tokenizer"))
    await until(lambda: purged_to(13), "up to 12 all is settled now")
    await asyncio.sleep(0.5)
    assert await purged_to(13), "the rest was never delivered"
    rest = await pull.fetch(8, timeout=5)
    assert [message.metadata.sequence.stream for message in rest] == list(range(13, 21))
    await connection.close()


async def test_a_stream_that_nobody_settles_is_left_alone(empty_stack):
    connection = await nats.connect(empty_stack.url)
    js = connection.jetstream()
    for _ in range(5):
        await js.publish("exec.m.v.normal-0", b"x")  # no model, so no durable
    janitor = start_janitor(empty_stack)
    await asyncio.sleep(1)
    assert await first_sequence(js, "EXEC") == 1
    _, metrics = janitor.admin("/metrics")
    assert "reprise_janitor_sweeps_total" in metrics
    await connection.close()


async def test_below_the_mark_nothing_goes(tmp_path):
    for stack in running(Stack(tmp_path, {}, ("--every", "100ms")), Stack.start_server):
        connection = await nats.connect(stack.url)
        js = connection.jetstream()
        await js.publish("infer.acme.m", b"{}")
        pull = await js.pull_subscribe("", durable="tokenizer", stream="REQUEST")
        [message] = await pull.fetch(1, timeout=5)
        await message.ack_sync()
        start_janitor(stack)
        await asyncio.sleep(1)
        assert await first_sequence(js, "REQUEST") == 1
        await connection.close()


async def fold_some(stack, counters, seed, writes=900):
    await counters.add_many(random.Random(seed), writes, keys=60)
    await counters.check()


async def test_a_log_goes_up_to_what_all_partitions_have_in_snapshots(empty_stack):
    options = ("--partitions", "3", "--snapshot-every", "100")
    empty_stack.start_counter(*options)
    async with Counters.connected(empty_stack.url, partitions=3) as counters:
        await fold_some(empty_stack, counters, 1)
        assert empty_stack.counters[0].stop() == 0  # each partition leaves its last snapshot
        newest = await newest_snapshots(counters.js, 3)
        lowest = min(sequence for sequence, _ in newest.values())
        assert lowest > 500
        start_janitor(empty_stack)

        async def purged():
            return await first_sequence(counters.js, "COUNTER") == lowest
        await until(purged, f"purged below {lowest}")
        await asyncio.sleep(0.5)
        assert await purged()
        empty_stack.counters[0].start()
        await counters.check()  # from the snapshots and the rest, all is as it was
        await fold_some(empty_stack, counters, 2, 100)


async def test_a_log_whose_snapshot_is_damaged_is_left_alone(empty_stack):
    empty_stack.start_counter("--snapshot-every", "100")
    async with Counters.connected(empty_stack.url) as counters:
        await fold_some(empty_stack, counters, 3, 350)
        assert empty_stack.counters[0].stop() == 0
        _, name = (await newest_snapshots(counters.js, 1))[0]
        store = await counters.js.object_store("SNAPSHOTS")
        whole = (await store.get(name)).data
        await store.put(name, whole[:-1] + bytes([whole[-1] ^ 1]))
        janitor = start_janitor(empty_stack)
        await asyncio.sleep(1)
        assert await first_sequence(counters.js, "COUNTER") == 1
        assert "reprise_janitor_snapshots_corrupt_total" in janitor.admin("/metrics")[1]
