"""Plain subjects: at most once, and bounded."""

from support.process import wait_until

MESSAGES_MAX = 16384


async def test_what_nobody_takes_is_dropped_and_counted(broker, probe):
    sent = 4 * MESSAGES_MAX  # the loop takes fewer in a turn than it reads
    probe.tell("subscribe", "s", "plain.>")
    probe.ask("state", "settled", "NONE")  # the subscription is there
    async with broker.connected() as connection:
        probe.tell("block", "b", 2000)
        for _ in range(sent):
            await connection.publish("plain.a", b"x")
        await connection.flush()
        probe.until("b", "blocked")
        await connection.publish("plain.last", b"x")
        await connection.flush()

    def dropped():
        before = len(probe.of("m"))
        probe.tell("metric", "m", "reprise_bus_plain_dropped_total")
        return probe.until("m", "metric", before + 1)["value"]

    wait_until(dropped, 10, "a metric of what was dropped")
    wait_until(lambda: len(probe.of("s", "message")) + dropped() == sent + 1, 10, "every message accounted for")
    assert len(probe.of("s", "message")) >= MESSAGES_MAX
