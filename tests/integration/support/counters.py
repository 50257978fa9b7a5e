"""A user of the example fold: adds to counters, and knows what the fold has to make of it.

    async with Counters.connected(url) as counters:
        sequence = await counters.add("apples", 5)
        answer = await counters.ask("apples", "get", at_least=sequence)
        await counters.check()

The fold is written here a second time, in the simplest way (Model); every message that the log acknowledged goes
through it, and then reads, outcomes, their order and digests have to be the same.
"""

import asyncio
import contextlib
import json

import nats
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

COUNT_MAX = 2**53
MILESTONE = 1000
DIGEST_EVERY = 4096
OUTCOMES_KEPT = 10_000
PAUSE_SECONDS = 0.05
IN_FLIGHT = 256


def partition_of(token, partitions):
    """FNV-1a-32 modulo the number of partitions."""
    value = 2166136261
    for byte in token.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return value % partitions


class Model:
    """What a partition's fold makes of its log."""

    def __init__(self):
        self.counts = {}
        self.outcomes = []  # (sequence, index, what)

    def fold(self, sequence, key, body):
        try:
            by = json.loads(body)["by"]
            assert isinstance(by, int) and not isinstance(by, bool) and abs(by) <= COUNT_MAX
        except (ValueError, KeyError, TypeError, AssertionError):
            self.outcomes.append((sequence, 0, "refused"))
            return
        before = self.counts.get(key, 0)
        after = before + by
        if not 0 <= after <= COUNT_MAX:
            self.outcomes.append((sequence, 0, "refused"))
            return
        self.counts[key] = after
        if before // MILESTONE != after // MILESTONE:
            self.outcomes.append((sequence, 0, ("milestone", before, after)))


class Counters:
    def __init__(self, connection, partitions):
        self.connection = connection
        self.js = connection.jetstream(timeout=10)
        self.partitions = partitions
        self.log = {}  # sequence -> (key, body)
        self.gate = asyncio.Semaphore(IN_FLIGHT)

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(cls, url, partitions=1):
        connection = await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=ignore)
        try:
            yield cls(connection, partitions)
        finally:
            await connection.close()

    # -- writing ------------------------------------------------------------------------------------------------

    async def add(self, key, by):
        return await self.publish(key, json.dumps({"by": by}))

    async def publish(self, key, body):
        """Returns the message's sequence."""
        async with self.gate:
            ack = await self.js.publish(f"counter.{key}.add", body.encode())
        self.log[ack.seq] = key, body
        return ack.seq

    async def add_many(self, chance, count, keys=20):
        """`count` messages, some of which the fold has to refuse."""
        async def one():
            key = f"key-{chance.randrange(keys)}"
            kind = chance.random()
            if kind < 0.02:
                return await self.publish(key, chance.choice(("", "{", "[]", '{"by":1.5}', '{"by":"1"}', "null")))
            return await self.add(key, -2_000 if kind < 0.2 else chance.randrange(1, 400))
        await asyncio.gather(*(one() for _ in range(count)))

    # -- reading ------------------------------------------------------------------------------------------------

    async def ask(self, key, op, seconds=10, **query):
        """The whole answer. Asks again while nobody is there."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            try:
                answer = await self.connection.request(f"ask.counter.{key}.{op}", json.dumps(query).encode(), timeout=8)
                return json.loads(answer.data)
            except NatsError:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(PAUSE_SECONDS)

    def key_of(self, partition):
        """A name that the partition answers for."""
        return next(f"n{n}" for n in range(10_000) if partition_of(f"n{n}", self.partitions) == partition)

    async def states(self, replicas, partition=0, seconds=60):
        """What each of so many replicas says of its state, all at the log's end."""
        last = max(self.log)
        found = {}
        deadline = asyncio.get_running_loop().time() + seconds
        while len(found) < replicas:
            answer = await self.ask(self.key_of(partition), "state", at_least=last)
            assert asyncio.get_running_loop().time() < deadline, f"{len(found)} replicas of {replicas}: {found}, {answer}"
            if "result" in answer:
                found[answer["result"]["replica"]] = answer["result"]
        return found

    async def outcomes(self, partition=0):
        """All that stands on the partition's subject: (stream sequence, headers, record)."""
        subject = f"outcome.counter.{partition}"
        try:
            last = (await self.js.get_last_msg("OUTCOME", subject, direct=True)).seq
        except NotFoundError:
            return []
        found = []
        subscription = await self.js.subscribe(subject, stream="OUTCOME", ordered_consumer=True)
        while not found or found[-1][0] < last:
            message = await subscription.next_msg(timeout=10)
            found.append((message.metadata.sequence.stream, message.headers, json.loads(message.data)))
        await subscription.unsubscribe()
        return found

    async def head(self, partition=0):
        """The sequence of the cause of the last outcome."""
        try:
            message = await self.js.get_last_msg("OUTCOME", f"outcome.counter.{partition}", direct=True)
            return int(message.headers["Rp-Cause"].split(":")[1])
        except NotFoundError:
            return 0

    # -- judging ------------------------------------------------------------------------------------------------

    def models(self):
        models = [Model() for _ in range(self.partitions)]
        for sequence in sorted(self.log):
            key, body = self.log[sequence]
            models[partition_of(key, self.partitions)].fold(sequence, key, body)
        for model in models:
            for sequence in range(DIGEST_EVERY, max(self.log, default=0) + 1, DIGEST_EVERY):
                index = sum(outcome[0] == sequence for outcome in model.outcomes)
                model.outcomes.append((sequence, index, "digest"))
            model.outcomes.sort(key=lambda outcome: outcome[:2])
        return models

    async def check(self, replicas=1, seconds=60):
        """Once all outcomes are stored: reads, outcomes and digests are what the model says."""
        for partition, model in enumerate(self.models()):
            wanted = model.outcomes
            deadline = asyncio.get_running_loop().time() + seconds
            while wanted and await self.head(partition) < wanted[-1][0]:
                assert asyncio.get_running_loop().time() < deadline, (partition, await self.head(partition), wanted[-1])
                await asyncio.sleep(PAUSE_SECONDS)
            states = await self.states(replicas, partition)
            assert len({state["digest"] for state in states.values()}) == 1, states
            assert {state["pairs"] for state in states.values()} == {len(model.counts)}
            found = await self.outcomes(partition)
            assert [place_and_kind(*outcome) for outcome in found] == wanted[-OUTCOMES_KEPT:]
            answer = await self.ask(self.key_of(partition), "list", at_least=max(self.log))
            assert answer["result"] == model.counts

    async def check_verdicts(self, sequences):
        refused = {sequence for model in self.models() for sequence, _, what in model.outcomes if what == "refused"}
        for sequence in sequences:
            key = self.log[sequence][0]
            result = (await self.ask(key, "verdict", of=sequence, at_least=sequence))["result"]
            assert result["verdict"] == ("refused" if sequence in refused else "accepted"), (sequence, result)
            assert ("error" in result) == (sequence in refused)


def place_and_kind(_, headers, record):
    """(sequence, index, what) of an outcome, whose header and body must say the same."""
    sequence, index = record["sequence"], record["index"]
    assert headers["Rp-Cause"] == f"COUNTER:{sequence}:{index}" and record["stream"] == "COUNTER"
    if "event" in record:
        body = json.loads(record["event"]["body"])
        return sequence, index, (record["event"]["name"], body["from"], body["to"])
    (kind,) = {"refused", "digest"} & record.keys()
    return sequence, index, kind


async def ignore(_):
    """Connections that end are what some tests are about."""
