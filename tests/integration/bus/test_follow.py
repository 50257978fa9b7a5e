"""A follower hands over each message once, in order, and says what it lost."""

import asyncio

import pytest

from .broker import behind_the_scenes, copy_files, restore_files

SILENCE_SECONDS = 5  # until a consumer that is gone is noticed


async def test_reads_all_and_what_comes(broker, probe):
    await broker.create()
    await broker.publish("log.a", "log.b", "log.c")
    probe.tell("follow", "all", "LOG", "log.>", 1)
    probe.tell("follow", "new", "LOG", "log.>", "new")
    probe.tell("follow", "some", "LOG", "log.b", 0)
    for follower in "all", "new", "some":
        probe.until(follower, "caught_up")
    await broker.publish("log.b", "log.c")
    assert probe.heard("all", 5) == [1, 2, 3, 4, 5]
    assert probe.heard("new", 2) == [4, 5]
    assert probe.heard("some", 2) == [2, 4]
    assert not probe.of("all", "lost") + probe.of("new", "lost") + probe.of("some", "lost")


async def test_newest_of_each_subject(broker, probe):
    await broker.create()
    await broker.publish("log.a", "log.b", "log.a", "log.c", "log.b")
    probe.tell("follow", "last", "LOG", "log.>", "last")
    probe.until("last", "caught_up")
    await broker.publish("log.b")
    assert probe.heard("last", 4) == [3, 4, 5, 6]
    assert not probe.of("last", "lost")


async def test_waits_for_its_stream(broker, probe):
    probe.tell("follow", "f", "LOG", "log.>", 1)
    await asyncio.sleep(1)
    await broker.create()
    await broker.publish("log.a")
    assert probe.heard("f", 1) == [1]


async def test_a_filter_may_hold_any_printable_character(broker, probe):
    await broker.create()
    probe.tell("follow", "f", "LOG", 'log."\\{', 1)
    probe.until("f", "caught_up")
    await broker.publish('log."\\{', "log.a")
    assert probe.heard("f", 1) == [1]


# -- the stream's start goes


async def test_purge_of_what_was_read_is_no_loss(broker, probe):
    await broker.create()
    await broker.publish(*["log.a"] * 5)
    probe.tell("follow", "f", "LOG", "log.>", 1)
    probe.heard("f", 5)
    await broker.purge(6)
    await broker.publish("log.a")
    assert probe.heard("f", 6) == [1, 2, 3, 4, 5, 6]
    assert not probe.of("f", "lost")


async def test_purge_while_away(nats_server, broker, probe, tmp_path):
    await broker.create()
    await broker.publish(*["log.a"] * 5)
    probe.tell("follow", "f", "LOG", "log.>", 1)
    probe.tell("follow", "g", "LOG", "log.b", 1)
    probe.heard("f", 5)
    with behind_the_scenes(nats_server, tmp_path) as behind:
        await behind.publish(*["log.a"] * 5)
        await behind.purge(9)
    probe.heard("f", 7)
    assert probe.story("f") == [1, 2, 3, 4, 5, (6, 9), 9, 10]
    # What its filter would have let through cannot be known.
    assert probe.until("g", "lost")["expected"] == 1


async def test_purge_of_all_while_away(nats_server, broker, probe, tmp_path):
    await broker.create()
    await broker.publish(*["log.a"] * 5)
    probe.tell("follow", "f", "LOG", "log.>", 1)
    probe.heard("f", 5)
    with behind_the_scenes(nats_server, tmp_path) as behind:
        await behind.publish(*["log.a"] * 5)
        await behind.purge(11)
    probe.until("f", "lost")
    await broker.publish("log.a")
    probe.heard("f", 6)
    assert probe.story("f") == [1, 2, 3, 4, 5, (6, 11), 11]


async def test_restart_of_the_server_loses_nothing(nats_server, broker, probe):
    await broker.create()
    probe.tell("follow", "f", "LOG", "log.>", 1)
    probe.until("f", "caught_up")
    for end in nats_server.kill, nats_server.stop:
        await broker.publish("log.a", "log.b", "log.c")
        end()
        nats_server.start()
        await broker.publish("log.a")
    assert probe.heard("f", 8) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert not probe.of("f", "lost")
    probe.until("f", "caught_up", 2)  # once for each consumer that lived long enough


@pytest.mark.parametrize("filter, every", [("log.>", 1), ("log.b", 2)])
async def test_purge_under_a_reader_that_lags(broker, probe, filter, every):
    """What the server has sent already is read; behind that, the loss is told before anything else."""
    count, body = 1500, b"x" * 40_000
    await broker.create()
    async with broker.connected() as connection:
        stream = connection.jetstream(timeout=30)
        for start in range(0, count, 100):
            await asyncio.gather(*(stream.publish("log.a" if n % 2 else "log.b", body) for n in range(start, start + 100)))
    sequences = [n + 1 for n in range(count) if n % every == 0]
    probe.tell("slow", 2)
    probe.tell("follow", "f", "LOG", filter, 1)
    probe.heard("f", 3)
    await broker.purge(count - 9)
    probe.tell("slow", 0)
    probe.until("f", "caught_up")
    story = probe.story("f")
    next = 1
    for step in story:
        if isinstance(step, tuple):
            assert step[0] == next < step[1]
            next = step[1]
        else:
            assert not [sequence for sequence in sequences if next <= sequence < step], "a gap that was not told"
            next = step + 1
    assert next == sequences[-1] + 1
    assert [first for _, first in (step for step in story if isinstance(step, tuple))][-1] == count - 9
    assert 3 <= len(probe.sequences("f")) < len(sequences)


async def test_a_lagging_reader_of_a_sparse_filter_loses_nothing(broker, probe):
    count = 3000
    await broker.create()
    async with broker.connected() as connection:
        stream = connection.jetstream(timeout=30)
        for start in range(0, count, 100):
            await asyncio.gather(*(stream.publish(f"log.{n % 3}", b"x") for n in range(start, start + 100)))
    async with broker.connected() as connection:
        asked = await connection.subscribe("$JS.API.STREAM.INFO.LOG")
        probe.tell("follow", "f", "LOG", "log.1", 1)
        assert len(probe.heard("f", count // 3)) == count // 3
        await connection.flush()
        checks = asked.pending_msgs
    assert not probe.of("f", "lost")
    assert checks < count // 30, "a check is for a batch, not for a message"


# -- where a follower begins


async def test_begins_behind_the_start(broker, probe):
    await broker.create()
    await broker.publish(*["log.a"] * 20)
    await broker.purge(16)
    probe.tell("follow", "three", "LOG", "log.>", 3)
    probe.tell("follow", "first", "LOG", "log.>", 0)
    probe.tell("follow", "next", "LOG", "log.>", 21)
    for follower in "three", "first", "next":
        probe.until(follower, "caught_up")
    assert probe.story("three") == [(3, 16), 16, 17, 18, 19, 20]
    assert probe.story("first") == [16, 17, 18, 19, 20]
    assert probe.story("next") == []


async def test_begins_beyond_the_end(broker, probe):
    await broker.create()
    await broker.publish("log.a", "log.a")
    probe.tell("follow", "f", "LOG", "log.>", 99)
    probe.until("f", "caught_up")
    assert probe.story("f") == [(0, 1), 1, 2]


async def test_begins_in_the_stream_that_is_meant(broker, probe):
    await broker.create()
    await broker.publish("log.a", "log.a")
    created = probe.ask("state", "s", "LOG")["created_ns"]
    probe.tell("follow", "same", "LOG", "log.>", 2, created)
    probe.tell("follow", "other", "LOG", "log.>", 2, created - 1)
    for follower in "same", "other":
        probe.until(follower, "caught_up")
    assert probe.story("same") == [2]
    assert probe.story("other") == [(0, 1), 1, 2]


# -- another stream under the name


@pytest.mark.parametrize("count", [0, 3, 5, 30])
async def test_made_anew_while_away(nats_server, broker, probe, tmp_path, count):
    await broker.create()
    await broker.publish(*["log.a"] * 5)
    for follower, start in ("sequence", 1), ("new", "new"), ("last", "last"):
        probe.tell("follow", follower, "LOG", "log.>", start)
        probe.until(follower, "caught_up")
    with behind_the_scenes(nats_server, tmp_path) as behind:
        await behind.delete()
        await behind.create()
        await behind.publish(*["log.b"] * count)
    for follower in "sequence", "new", "last":
        probe.until(follower, "lost")
        probe.until(follower, "caught_up", 2)
    await broker.publish("log.c")
    probe.heard("sequence", 5 + count + 1)
    probe.heard("new", count + 1)
    probe.heard("last", 1 + (count > 0) + 1)
    new = list(range(1, count + 2))
    assert probe.story("sequence") == [1, 2, 3, 4, 5, (0, 1), *new]
    assert probe.story("new") == [(0, 1), *new]
    assert probe.story("last") == [5, (0, 1), *new[-2:]]


async def test_made_anew_under_a_follower(broker, probe):
    await broker.create()
    await broker.publish(*["log.a"] * 5)
    probe.tell("follow", "f", "LOG", "log.>", 1)
    probe.heard("f", 5)
    await broker.delete()
    await broker.create()
    await broker.publish("log.b", "log.b")
    probe.heard("f", 7)
    assert probe.story("f") == [1, 2, 3, 4, 5, (0, 1), 1, 2]


@pytest.mark.parametrize("more", [0, 1, 9])
async def test_brought_back_to_an_earlier_state(nats_server, broker, probe, tmp_path, more):
    """A machine that lost what was not on its disk: the sequences that it gave are given again."""
    await broker.create()
    await broker.publish(*["log.a"] * 5)
    nats_server.stop()
    copy_files(tmp_path, "kept")
    nats_server.start()
    await broker.publish("log.a", "log.a")
    probe.tell("follow", "f", "LOG", "log.>", 1)
    probe.heard("f", 7)
    nats_server.stop()
    restore_files(tmp_path, "kept")
    with behind_the_scenes(nats_server, tmp_path) as behind:
        await behind.publish(*["log.b"] * more)
    probe.until("f", "lost")
    await broker.publish("log.c")
    probe.heard("f", 7 + 5 + more + 1)
    assert probe.story("f") == [1, 2, 3, 4, 5, 6, 7, (0, 1), *range(1, 5 + more + 2)]


async def test_ends(broker, probe):
    await broker.create()
    await broker.publish("log.a")
    probe.tell("follow", "f", "LOG", "log.>", 1)
    probe.heard("f", 1)
    probe.tell("unfollow", "f")
    probe.tell("follow", "g", "LOG", "log.>", 1)
    await broker.publish("log.a")
    assert probe.heard("g", 2) == [1, 2]
    assert probe.sequences("f") == [1]
