#!/usr/bin/env python3
"""tests/bench/fold/fold_rate.py [MESSAGES] [REFUSALS]: how fast the example fold is.

Fills its log with MESSAGES (200,000) that it accepts and starts a replica without a snapshot, which tells when it began
and when it had caught up. Then stops it, adds REFUSALS (9,000) messages that it has to refuse, starts it again, and
looks at the stream's timestamps of the first and the last of their outcomes, each of which waited for the one before.
Each is done five times. Prints one line a figure, `name value unit`. Programs as tests/integration finds them
(REPRISE_BIN).
"""

import asyncio
import json
import statistics
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import nats

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "integration"))

from support.process import wait_until  # noqa: E402
from support.stack import Stack  # noqa: E402

KEYS = 1000
AT_ONCE = 2000
TIMES = 5
OUTCOMES_KEPT = 10_000


async def fill(js, count, body):
    for first in range(0, count, AT_ONCE):
        await asyncio.gather(*(js.publish(f"counter.k{n % KEYS}.add", body) for n in range(first, first + AT_ONCE)))


def moments(replica):
    """When each event came first, from its log."""
    events = {}
    for line in replica.log.read_text().splitlines():
        record = json.loads(line)
        events.setdefault(record["event"], datetime.fromisoformat(record["time"].replace("Z", "+00:00")).timestamp())
    return events


async def outcome_times(js, count):
    subscription = await js.subscribe("outcome.counter.0", stream="OUTCOME", ordered_consumer=True)
    return [(await subscription.next_msg(timeout=60)).metadata.timestamp.timestamp() for _ in range(count)]


def start(stack):
    replica = stack.add_counter()
    replica.start_only()
    return replica


async def caught_up(stack, js, messages):
    """Messages folded a second, from the log's start to its end."""
    await js.purge_stream("OBJ_SNAPSHOTS")
    replica = start(stack)
    wait_until(lambda: replica.admin("/readyz")[0] == 200, 120, "caught up")
    assert replica.stop() == 0
    times = moments(replica)
    return messages / (times["fold_caught_up"] - times["fold_begins"])


async def emitted(stack, js, refusals):
    """Outcomes stored a second."""
    await js.purge_stream("OUTCOME")
    await fill(js, refusals, b'{"by":-9007199254740992}')
    replica = start(stack)
    stored = await outcome_times(js, refusals)
    assert replica.stop() == 0
    return (refusals - 1) / (stored[-1] - stored[0])


async def measure(stack, messages, refusals):
    connection = await nats.connect(stack.url)
    js = connection.jetstream(timeout=30)
    await fill(js, messages, b'{"by":1}')
    figure("fold.catch_up", [await caught_up(stack, js, messages) for _ in range(TIMES)], "messages/s")
    figure("fold.outcomes", [await emitted(stack, js, refusals) for _ in range(TIMES)], "outcomes/s")
    await connection.close()


def figure(name, values, unit):
    print(f"{name} {statistics.median(values):.0f} {unit}", flush=True)
    print(f"{name}_best {max(values):.0f} {unit}", flush=True)


def main():
    messages, refusals = (int(word) for word in (sys.argv[1:] + ["200000", "9000"][len(sys.argv) - 1:]))
    assert refusals < OUTCOMES_KEPT, f"OUTCOME keeps {OUTCOMES_KEPT}"
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), {})
        try:
            stack.start_server()
            asyncio.run(measure(stack, messages, refusals))
        finally:
            stack.kill()


if __name__ == "__main__":
    main()
