"""What a stream holds, and purging."""

QUESTIONS_MAX = 8


async def settle(broker, durable, count):
    async with broker.connected() as connection:
        pull = await connection.jetstream().pull_subscribe_bind(durable, "LOG")
        for message in await pull.fetch(count, timeout=5):
            await message.ack_sync()


async def test_state(broker, probe):
    await broker.create(max_bytes=1_000_000)
    empty = probe.ask("state", "empty", "LOG")
    assert (empty["first"], empty["last"], empty["messages"], empty["bytes"]) == (1, 0, 0, 0)
    assert empty["bytes_max"] == 1_000_000 and empty["settled"] == 0
    await broker.publish(*["log.a"] * 5)
    full = probe.ask("state", "full", "LOG")
    assert (full["first"], full["last"], full["messages"]) == (1, 5, 5) and full["bytes"] > 0
    assert full["settled"] == 5, "no durable waits for anything"
    assert full["created_ns"] == empty["created_ns"] > 0
    await broker.purge(6)
    purged = probe.ask("state", "purged", "LOG")
    assert (purged["first"], purged["last"], purged["messages"]) == (6, 5, 0)
    await broker.delete()
    assert probe.ask("state", "gone", "LOG")["status"] == "not_found"
    await broker.create()
    anew = probe.ask("state", "anew", "LOG")
    assert anew["created_ns"] > full["created_ns"] and anew["bytes_max"] == 0


async def test_settled(broker, probe):
    await broker.create()
    await broker.publish(*["log.a"] * 5, "log.b")
    await broker.consumer("all")
    assert probe.ask("state", "1", "LOG")["settled"] == 0
    await settle(broker, "all", 4)
    assert probe.ask("state", "2", "LOG")["settled"] == 4
    await broker.consumer("b", filter_subject="log.b")
    assert probe.ask("state", "3", "LOG")["settled"] == 0, "its message waits"
    await settle(broker, "b", 1)
    assert probe.ask("state", "4", "LOG")["settled"] == 4, "it has settled all that it was to see"
    await broker.consumer("none", ack_policy="none")
    assert probe.ask("state", "5", "LOG")["settled"] == 4
    await settle(broker, "all", 2)
    assert probe.ask("state", "6", "LOG")["settled"] == 6


async def test_settled_over_many_durables(broker, probe):
    """More of them than a page lists; the last one of all holds back."""
    await broker.create()
    await broker.publish("log.b", "log.a")
    for n in range(260):
        await broker.consumer(f"d{n:03}", filter_subject="log.c")
    assert probe.ask("state", "1", "LOG")["settled"] == 2
    await broker.consumer("e", filter_subject="log.*")
    assert probe.ask("state", "2", "LOG")["settled"] == 0
    await settle(broker, "e", 1)
    assert probe.ask("state", "3", "LOG")["settled"] == 1
    await settle(broker, "e", 1)
    for n in range(251):  # two pages and a bit
        await broker.consumer(f"f{n:03}", filter_subject="log.c")
    assert probe.ask("state", "4", "LOG")["settled"] == 2


async def test_questions_are_bounded(broker, probe):
    await broker.create()
    probe.tell_at_once(*(("state", f"q{n}", "LOG") for n in range(QUESTIONS_MAX + 4)))
    for n in range(QUESTIONS_MAX):
        probe.until(f"q{n}", "state")
    for n in range(QUESTIONS_MAX, QUESTIONS_MAX + 4):
        assert [event["status"] for event in probe.of(f"q{n}")] == ["limit"]
    assert probe.ask("state", "again", "LOG")["last"] == 0, "there is room again"


async def test_purge(broker, probe):
    await broker.create()
    await broker.publish("log.a", "log.b", "log.a", "log.b", "log.a", "log.b")
    assert probe.ask("purge", "none", "LOG", "-", 1) == {"id": "none", "event": "purged", "status": "ok", "number": 0}
    assert probe.ask("purge", "a", "LOG", "log.a", 4)["number"] == 2
    assert probe.ask("purge", "start", "LOG", "-", 4)["number"] == 1
    assert probe.ask("state", "left", "LOG")["first"] == 4
    assert probe.ask("purge", "wild", "LOG", "log.*", 99)["number"] == 3
    assert probe.ask("purge", "zero", "LOG", "-", 0) == {
        "id": "zero", "event": "refused", "status": "invalid", "number": 0}
    assert probe.ask("purge", "bad", "LOG", "log..a", 4)["status"] == "invalid"
    assert probe.ask("purge", "missing", "NONE", "-", 4)["status"] == "not_found"
    assert probe.ask("purge", "dots", "A.B", "-", 4)["status"] == "invalid"


async def test_a_stream_that_may_not_be_purged(broker, probe):
    await broker.create(deny_purge=True)
    await broker.publish("log.a")
    assert probe.ask("purge", "p", "LOG", "-", 2)["status"] not in ("ok", "timeout")
    assert probe.ask("state", "s", "LOG")["messages"] == 1


async def test_a_process_that_was_held_up_sends_nothing_again_before_it_has_read(broker, probe):
    """Its limits are long past when it goes on: what is answered by then is not sent twice."""
    await broker.create()
    probe.tell_at_once(("publish", "p", "log.a", "x"), ("block", "b", 6000))  # longer than an ack is waited for
    assert probe.until("p", "published")["status"] == "ok"
    assert probe.ask("state", "s", "LOG")["messages"] == 1
    assert probe.ask("metric", "m", "reprise_bus_published_again_total")["value"] == 0
