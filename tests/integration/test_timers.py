"""Durable timers, through the example that reminds: what is set comes, whatever died meanwhile."""

import asyncio
import json
import time

import nats
import pytest

from support.fixtures import running
from support.stack import Stack

EARLIEST, LATEST = -0.05, 2.0  # seconds around the time asked for; the server's grain is 250 ms


@pytest.fixture
def reminders(tmp_path):
    """A server and one reminder."""
    yield from running(Stack(tmp_path, {}), start)


def start(stack):
    stack.start_server()
    stack.start_actor("reprise-reminder", "reminder", stack.examples, None)


class Asker:
    """Asks for reminders and gathers what comes back: key -> [(text, when)]."""

    def __init__(self, connection):
        self.connection = connection
        self.js = connection.jetstream()
        self.came = {}

    async def listen(self):
        async def take(message):
            key = message.subject.split(".")[2]
            self.came.setdefault(key, []).append((message.data.decode(), time.time(), message.headers or {}))
        await self.connection.subscribe("example.reminded.>", cb=take)
        return self

    async def ask(self, key, **asked):
        return await self.js.publish(f"example.remind.{key}", json.dumps(asked).encode())

    async def until(self, key, seconds, count=1):
        deadline = time.monotonic() + seconds
        while len(self.came.get(key, [])) < count:
            assert time.monotonic() < deadline, f"{key}: {self.came}"
            await asyncio.sleep(0.02)
        return self.came[key]


async def connected(stack):
    async def ignore(_):
        return None
    connection = await nats.connect(stack.url, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=ignore)
    return await Asker(connection).listen()


async def test_it_comes_at_its_time_and_names_its_cause(reminders):
    asker = await connected(reminders)
    began = time.time()
    ack = await asker.ask("tea", in_ms=1000, text="tea ist fertig ☕")
    [(text, when, headers)] = await asker.until("tea", 5)
    assert text == "tea ist fertig ☕"
    assert EARLIEST < when - began - 1 < LATEST
    assert headers["Rp-Cause"].startswith("TIMER:")
    timer = await asker.js.get_last_msg("TIMER", "timer.reminder.tea.due", direct=True)
    assert timer.headers["Rp-Cause"] == f"EXAMPLE:{ack.seq}:0"
    await asker.connection.close()


async def test_set_again_replaces_and_cancelled_never_comes(reminders):
    asker = await connected(reminders)
    await asker.ask("twice", in_ms=1000, text="first")
    await asker.ask("twice", in_ms=1500, text="second")
    await asker.ask("never", in_ms=1000, text="never")
    await asker.ask("never")
    await asker.until("twice", 5)
    await asyncio.sleep(1)
    assert [text for text, _, _ in asker.came["twice"]] == ["second"]
    assert "never" not in asker.came
    await asker.connection.close()


async def test_it_outlives_the_worker_and_the_server(reminders):
    asker = await connected(reminders)
    began = time.time()
    for n in range(20):
        await asker.ask(f"k{n}", in_ms=2000, text=str(n))
    await asyncio.sleep(0.5)  # they are set
    reminders.examples[0].kill()
    reminders.server.kill()
    await asyncio.sleep(0.3)
    reminders.server.start()
    await asyncio.sleep(max(0, began + 2.6 - time.time()))  # they fire while nobody is there
    reminders.examples[0].start()
    for n in range(20):
        assert [text for text, _, _ in await asker.until(f"k{n}", 15)] == [str(n)]
    await asker.connection.close()


async def test_what_cannot_be_asked_for_lies_in_dead(reminders):
    asker = await connected(reminders)
    for asked, field in (({"in_ms": -1, "text": "x"}, "in_ms"), ({"in_ms": 5}, "text"), ({"in_ms": 10**15, "text": "x"}, "in_ms")):
        await asker.ask("bad", **asked)
    await asyncio.sleep(1)
    info = await asker.js.stream_info("DEAD", subjects_filter="dead.reminder")
    assert info.state.subjects == {"dead.reminder": 3}
    await asker.connection.close()
