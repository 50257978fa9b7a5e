"""The example fold on a real server: what every fold is promised by the runtime. What kills it is in tests/faults."""

import asyncio
import json
import random

import pytest
from nats.js.errors import NotFoundError

from support.counters import Counters, partition_of
from support.process import wait_until

SNAPSHOTS = "SNAPSHOTS"


async def snapshots(counters, partition=0):
    """Names of the partition's snapshots, the newest first."""
    store = await counters.js.object_store(SNAPSHOTS)
    try:
        names = [info.name for info in await store.list() if not info.deleted]
    except NotFoundError:
        names = []
    of_partition = [name for name in names if name.startswith(f"counter.{partition}.")]
    return sorted(of_partition, key=lambda name: -int(name.split(".")[2]))


async def test_writes_reads_refusals(counter_stack):
    counter_stack.start_counter()
    async with Counters.connected(counter_stack.url) as counters:
        first = await counters.add("apples", 998)
        answer = await counters.ask("apples", "get", at_least=first)
        assert answer["result"] == {"count": 998} and answer["sequence"] >= first
        crossing = await counters.add("apples", 5)
        below = await counters.add("apples", -5000)
        for body in ("", "[]", "{", '{"by":1.0}', '{"by":9007199254740993}', '{"by":-9007199254740993}', "\xff"):
            await counters.publish("apples", body)
        await counters.add("p=C3=A4ars", 2**53)
        await counters.add("p=C3=A4ars", 1)
        last = await counters.add("pl=ums", 1)  # no encoded name
        counters.log.pop(last)
        await counters.add("zebras", 1)
        assert (await counters.ask("p=C3=A4ars", "get", at_least=last))["result"] == {"count": 2**53}
        result = (await counters.ask("x", "verdict", of=below))["result"]
        assert result["verdict"] == "refused" and result["error"]["code"] == "invalid_argument"
        assert "1003" in result["error"]["message"] and result["error"]["field"] == "by"
        assert (await counters.ask("x", "verdict", of=crossing))["result"] == {"verdict": "accepted"}
        assert (await counters.ask("x", "verdict", of=last + 100))["result"] == {"verdict": "not_yet"}
        assert (await counters.ask("x", "list"))["result"] == {"apples": 1003, "päars": 2**53, "zebras": 1}
        outcomes = [record for _, _, record in await counters.outcomes()]
        assert [record["sequence"] for record in outcomes if "event" in record] == [crossing, 11]
        assert json.loads(outcomes[0]["event"]["body"]) == {"from": 998, "to": 1003}
        assert outcomes[0]["subject"] == "counter.apples.add"


async def test_questions_that_cannot_be_answered(counter_stack):
    counter_stack.start_counter()
    async with Counters.connected(counter_stack.url) as counters:
        sequence = await counters.add("a", 1)

        async def error(name, op, body=b""):
            answer = json.loads((await counters.connection.request(f"ask.counter.{name}.{op}", body, timeout=8)).data)
            assert answer["sequence"] >= 0 and "result" not in answer
            return answer["error"]

        assert (await error("a", "nothing"))["code"] == "unsupported"
        assert (await error("a", "get", b"{"))["code"] == "invalid_json"
        assert (await error("a", "get", b"[]"))["code"] == "invalid_argument"
        assert (await error("a", "get", b'{"at_least":-1}'))["field"] == "at_least"
        assert (await error("a=2", "get"))["field"] == "name"
        assert (await error("a", "verdict"))["field"] == "of"
        assert (await error("a", "get", b" " * 70_000))["code"] == "payload_too_large"
        late = await error("a", "get", json.dumps({"at_least": sequence + 1}).encode())
        assert late["code"] == "unavailable" and f"only {sequence} is" in late["message"]


async def test_read_your_writes(counter_stack):
    for _ in range(3):
        counter_stack.start_counter()
    async with Counters.connected(counter_stack.url) as counters:
        for n in range(1, 200):
            sequence = await counters.add("apples", 1)
            answer = await counters.ask("apples", "get", at_least=sequence)
            assert answer["result"] == {"count": n} and answer["sequence"] == sequence
        later = asyncio.create_task(counters.ask("apples", "get", at_least=sequence + 1))
        await asyncio.sleep(0.5)
        await counters.add("apples", 1)
        assert (await later)["result"] == {"count": 200}


async def test_a_fresh_replica_from_snapshot_and_rest(counter_stack):
    counter_stack.start_counter("--snapshot-every", "500")
    async with Counters.connected(counter_stack.url) as counters:
        chance = random.Random(1)
        for _ in range(3):
            await counters.add_many(chance, 700)
        await counters.check()
        await counters.add_many(chance, 100)
        while len(await snapshots(counters)) > 3:  # older ones go in a moment
            await asyncio.sleep(0.05)
        newest = int((await snapshots(counters))[0].split(".")[2])
        assert newest >= 1500
        await counters.js.purge_stream("COUNTER", seq=newest)
        counter_stack.start_counter("--snapshot-every", "500")
        await counters.check(replicas=2)
        assert counter_stack.counters[0].stop() == 0
        await counters.add_many(chance, 100)
        await counters.check()
        assert (await counters.ask("x", "verdict", of=newest))["result"] == {"verdict": "too_old"}


async def test_a_drain_leaves_a_snapshot(counter_stack):
    replica = counter_stack.start_counter()
    async with Counters.connected(counter_stack.url) as counters:
        await counters.add_many(random.Random(2), 300)
        await counters.check()
        assert replica.stop() == 0
        (name,) = await snapshots(counters)
        assert name.startswith("counter.0.300.")
        await counters.js.purge_stream("COUNTER", seq=300)
        replica.start()
        await counters.check()
        assert replica.stop() == 0
        assert await snapshots(counters) == [name]
        replica.start()


async def test_a_damaged_snapshot_falls_back(counter_stack):
    replica = counter_stack.start_counter("--snapshot-every", "100")
    async with Counters.connected(counter_stack.url) as counters:
        chance = random.Random(3)
        for _ in range(4):
            await counters.add_many(chance, 150)
            await counters.check()
        replica.kill()
        names = await snapshots(counters)
        store = await counters.js.object_store(SNAPSHOTS)
        whole = (await store.get(names[0])).data
        await store.put(names[0], whole[:-1])
        await store.put(names[1], b"")
        replica.start()
        await counters.check()
        corrupt = 'reprise_fold_snapshots_corrupt_total{kind="counter",instance="counter-0",partition="0"} 2'
        assert corrupt in replica.admin("/metrics")[1], replica.admin("/metrics")[1]
        assert "snapshot_left_out" in replica.tail() and "fold_begins" in replica.tail()


async def not_ready(replica, words):
    replica.start_only()
    status, why = wait_until(lambda: says(replica, words), 20, f"not ready because {words}")
    assert status == 503, why


def says(replica, words):
    status, why = replica.admin("/readyz")
    return (status, why) if all(word in why for word in words) else None


async def test_a_log_that_begins_behind_the_snapshot(counter_stack):
    replica = counter_stack.start_counter("--snapshot-every", "100000")
    async with Counters.connected(counter_stack.url) as counters:
        await counters.add_many(random.Random(4), 300)
        await counters.check()
        assert replica.stop() == 0
        await counters.add_many(random.Random(5), 300)
        await counters.js.purge_stream("COUNTER", seq=401)
        await not_ready(replica, ["301 to 400", "COUNTER", "SNAPSHOTS", "at 400 or above"])
        replica.kill()
        for name in await snapshots(counters):
            await (await counters.js.object_store(SNAPSHOTS)).delete(name)
        await not_ready(replica, ["1 to 400", "there is no snapshot"])


async def test_a_log_made_anew(counter_stack):
    replica = counter_stack.start_counter()
    async with Counters.connected(counter_stack.url) as counters:
        await counters.add_many(random.Random(6), 300)
        await counters.check()
        assert replica.stop() == 0
        await counters.js.delete_stream("COUNTER")
        counter_stack.provision()
        await not_ready(replica, ["COUNTER", "another one"])


async def test_the_number_of_partitions_is_fixed(counter_stack):
    replica = counter_stack.start_counter()
    async with Counters.connected(counter_stack.url) as counters:
        await counters.add("a", 1)
        await counters.check()
        assert replica.stop() == 0
        other = counter_stack.add_counter("--partitions", "3")
        await not_ready(other, ["1 partitions", "for 3"])


@pytest.mark.parametrize("options", [("--partitions", "3", "--partition", "3"), ("--partition", "x")])
def test_wrong_partition(counter_stack, options):
    replica = counter_stack.add_counter(*options)
    replica.start_only()
    assert replica.wait(10) == 2 and "--partition takes" in replica.tail()


async def test_without_the_bucket_of_leases_it_says_so(counter_stack):
    """Nobody may emit: every replica says why, and goes on when the bucket is there."""
    async with Counters.connected(counter_stack.url) as counters:
        await counters.js.delete_stream("KV_LEASES")
        replicas = [counter_stack.add_counter() for _ in range(2)]
        for n in range(3):
            await counters.add("a", -n)
        for replica in replicas:
            await not_ready(replica, ["outcomes are not stored", "lease counter.0", "LEASES is missing", "reprise provision"])
        counter_stack.provision()
        for replica in replicas:
            replica.wait_ready()
        await counters.check(replicas=2)


async def test_partitions_over_two_processes(counter_stack):
    counter_stack.start_counter("--partitions", "3", "--partition", "0", "--snapshot-every", "200")
    counter_stack.start_counter("--partitions", "3", "--snapshot-every", "200")
    async with Counters.connected(counter_stack.url, partitions=3) as counters:
        await counters.add_many(random.Random(7), 1500, keys=60)
        await counters.check()
        assert len(await counters.states(2, partition=0)) == 2
        foreign = next(sequence for sequence, (key, _) in counters.log.items() if partition_of(key, 3) != 0)
        error = (await counters.ask(counters.key_of(0), "verdict", of=foreign))["error"]
        assert error["code"] == "invalid_argument" and "no message of partition 0 of 3" in error["message"]
        await counters.check_verdicts(sorted(counters.log)[-20:])
        for partition in range(3):
            models = counters.models()
            assert len(models[partition].counts) > 5
            assert len(await snapshots(counters, partition)) > 0
        assert counter_stack.counters[1].stop() == 0
        counter_stack.counters[1].start()
        await counters.add_many(random.Random(8), 300, keys=60)
        await counters.check()


async def test_digests_are_compared(counter_stack):
    """A digest that no replica can have is stored where theirs belongs: all of them raise the alarm."""
    replica = counter_stack.start_counter()
    async with Counters.connected(counter_stack.url) as counters:
        await counters.add_many(random.Random(9), 4000)
        await counters.check()
        record = {"stream": "COUNTER", "sequence": 4096, "index": 0, "digest": {"digest": "0" * 32, "pairs": 1}}
        await counters.js.publish("outcome.counter.0", json.dumps(record).encode(),
                                  headers={"Rp-Cause": "COUNTER:4096:0"})
        for _ in range(200):
            await counters.add("a", 1)
        status, why = wait_until(lambda: says(replica, ["digest"]), 20, "an alarm")
        assert status == 503 and "damaged" in why
        metrics = replica.admin("/metrics")[1]
        assert 'reprise_fold_digest_mismatches_total{kind="counter",instance="counter-0",partition="0"} 1' in metrics
        replica.kill()


async def test_it_is_listed_in_actors(counter_stack):
    counter_stack.start_counter()
    async with Counters.connected(counter_stack.url) as counters:
        message = await counters.js.get_last_msg("KV_ACTORS", "$KV.ACTORS.counter.counter-0", direct=True)
        record = json.loads(message.data)
        assert record["kind"] == "counter" and record["ready"] and "slots_total" not in record
