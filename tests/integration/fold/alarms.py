"""Replicas of alarm_fold, and who sets alarms and looks what came of them.

    start_replica(stack)
    async with Alarms.connected(stack.url) as alarms:
        wanted = {"tea": await alarms.set("tea", in_ms=1000)}
        await alarms.until_due(wanted, 5)
        await alarms.check_rang_once(wanted, replicas=1)
"""

import asyncio
import contextlib
import json
from collections import defaultdict

import nats
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from support.paths import BIN
from support.stack import Actor

PROGRAM = BIN.parent / "tests/alarm_fold"
LOG = {"name": "ALARM", "subjects": ["alarm.*.*"], "storage": "file", "allow_direct": True,
       "allow_rollup_hdrs": True, "allow_msg_ttl": True, "allow_msg_schedules": True}


def start_replica(stack):
    replica = Actor(PROGRAM, f"alarm-{len(stack.examples)}", stack.server, {}, stack.folder)
    stack.examples.append(replica)
    return replica.start()


class Alarms:
    def __init__(self, connection):
        self.connection = connection
        self.js = connection.jetstream(timeout=10)

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(cls, url):
        async def ignore(_):
            return None
        connection = await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=ignore)
        try:
            yield cls(connection)
        finally:
            await connection.close()

    async def make_log(self):
        reply = await self.connection.request("$JS.API.STREAM.CREATE.ALARM", json.dumps(LOG).encode(), timeout=10)
        assert "error" not in json.loads(reply.data), reply.data

    # -- writing ------------------------------------------------------------------------------------------------

    async def set(self, key, **asked):
        """Returns the sequence of the asking; without in_ms the alarm is taken back."""
        return (await self.js.publish(f"alarm.{key}.set", json.dumps(asked).encode())).seq

    async def set_many(self, count, in_ms):
        """{key: sequence}."""
        keys = [f"k{n}" for n in range(count)]
        return dict(zip(keys, await asyncio.gather(*(self.set(key, in_ms=in_ms) for key in keys))))

    # -- reading ------------------------------------------------------------------------------------------------

    async def read(self, stream, subject):
        """All messages on it: (sequence, when it was stored, message)."""
        try:
            last = (await self.js.get_last_msg(stream, subject)).seq
        except NotFoundError:
            return []
        found = []
        subscription = await self.js.subscribe(subject, stream=stream, ordered_consumer=True)
        while not found or found[-1][0] < last:
            message = await subscription.next_msg(timeout=10)
            found.append((message.metadata.sequence.stream, message.metadata.timestamp.timestamp(), message))
        await subscription.unsubscribe()
        return found

    async def due(self):
        """What came into the log: key -> [(sequence of its setting, when)]."""
        came = defaultdict(list)
        for _, when, message in await self.read("ALARM", "alarm.*.due"):
            setting = json.loads(message.data)["set"]
            assert message.headers["Rp-Cause"] == f"ALARM:{setting}:0"
            came[message.subject.split(".")[1]].append((setting, when))
        return came

    async def until_due(self, keys, seconds):
        """due(), once each of these keys is there."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not set(keys) <= (came := await self.due()).keys():
            assert asyncio.get_running_loop().time() < deadline, f"missing: {sorted(set(keys) - came.keys())}"
            await asyncio.sleep(0.05)
        return came

    async def until_set(self, sequences, seconds=20):
        """Until the timers of all these askings are stored, and told of."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not set(sequences) <= (done := {record["sequence"] for record in await self.outcomes("timer")}):
            assert asyncio.get_running_loop().time() < deadline, f"missing: {sorted(set(sequences) - done)}"
            await asyncio.sleep(0.05)

    async def until_rang(self, count, seconds=20):
        """The events, once there are so many: whoever emits may have to wait for its lease first."""
        deadline = asyncio.get_running_loop().time() + seconds
        while len(rang := await self.outcomes("event")) < count:
            assert asyncio.get_running_loop().time() < deadline, f"{len(rang)} of {count} rang"
            await asyncio.sleep(0.05)
        return rang

    async def outcomes(self, kind):
        """Those that are of this kind, in their order; no cause has the same index twice."""
        records = [json.loads(message.data) for _, _, message in await self.read("OUTCOME", "outcome.alarm.0")]
        places = [(record["sequence"], record["index"]) for record in records]
        assert places == sorted(set(places)), "out of order, or stored twice"
        return [record for record in records if kind in record]

    async def states(self, replicas, seconds=30):
        """The digests of so many replicas, all at the log's end."""
        last = (await self.js.stream_info("ALARM")).state.last_seq
        question = json.dumps({"at_least": last}).encode()
        deadline = asyncio.get_running_loop().time() + seconds
        found = {}
        while len(found) < replicas:
            assert asyncio.get_running_loop().time() < deadline, found
            with contextlib.suppress(NatsError):
                answer = json.loads((await self.connection.request("ask.alarm.x.state", question, timeout=8)).data)
                if "result" in answer:
                    found[answer["result"]["replica"]] = answer["result"]
        return found

    async def check_rang_once(self, wanted, replicas):
        """`wanted`, {key: sequence of its setting}, is what rang, each once, by the log and by the outcomes."""
        came = await self.due()
        twice = {key: of_key for key, of_key in came.items() if len(of_key) > 1}
        assert not twice, twice
        assert {key: setting for key, [(setting, _)] in came.items()} == wanted
        states = await self.states(replicas)
        assert len({state["digest"] for state in states.values()}) == 1, states
        assert all(state["pairs"] == 0 for state in states.values()), states
        rang = [record["subject"].split(".")[1] for record in await self.until_rang(len(wanted))]
        assert sorted(rang) == sorted(wanted)
