"""What has no answer is given up in its time, and counted."""


async def test_a_question_that_a_server_does_not_answer(broker, probe):
    await broker.create()
    assert probe.ask("state", "before", "LOG")["messages"] == 0
    broker.server.pause()
    try:
        assert probe.ask("state", "s", "LOG")["status"] == "timeout"
        assert probe.ask("metric", "m", "reprise_bus_given_up_total")["value"] == 1
    finally:
        broker.server.resume()
