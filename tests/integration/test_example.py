"""The example worker: the runtime of a worker actor, without a model. What breaks it is in tests/faults."""

import asyncio
import json

from support.words import Words


async def test_every_text_has_its_answer(example_stack):
    async with Words.connected(example_stack.url) as words:
        for text in ("hello, world", "", "   ", "a\tb\nc d", "ä ö", "x" * 500_000):
            await words.publish(text)
        await words.check()


async def test_an_answer_names_its_cause_and_who_gave_it(example_stack):
    async with Words.connected(example_stack.url) as words:
        sequence = await words.publish("one two")
        await words.check()
        _, headers = await words.answer(sequence)
        assert headers["Rp-Build"]
        assert headers["Rp-Try"].startswith("example-0.") and headers["Rp-Try"].endswith(":1")


async def test_replicas_share_the_work(example_stack):
    for _ in range(2):
        example_stack.start_example()
    async with Words.connected(example_stack.url) as words:
        await words.publish_many(1500)
        await words.check()
        who = {(await words.answer(sequence))[1]["Rp-Try"].split(".")[0] for sequence in words.wanted}
        assert who == {"example-0", "example-1", "example-2"}


async def test_what_came_before_it_is_answered_too(example_stack):
    async with Words.connected(example_stack.url) as words:
        assert example_stack.examples[0].stop() == 0
        await words.publish_many(50)
        await asyncio.sleep(0.5)
        example_stack.examples[0].start()
        await words.check()


async def test_admin_endpoint(example_stack):
    actor = example_stack.examples[0]
    assert actor.admin("/healthz")[0] == 200 and actor.admin("/readyz")[0] == 200
    status, metrics = actor.admin("/metrics")
    assert status == 200 and 'reprise_build_info{kind="example",instance="example-0"' in metrics
    assert actor.admin("/nothing")[0] == 404


async def test_its_record_in_actors(example_stack):
    """Renewed while it lives; after a drain it says that it takes nothing more, until it expires."""
    async with Words.connected(example_stack.url) as words:
        living, first = await record(words)
        assert (living["kind"], living["ready"]) == ("example", True)
        assert living["instance"].startswith("example-0") and living["pid"] == example_stack.examples[0].pid
        assert living["admin"].endswith(f":{example_stack.examples[0].admin_port}")
        await asyncio.sleep(2.5)
        assert (await record(words))[1] > first
        assert example_stack.examples[0].stop() == 0
        assert not (await record(words))[0]["ready"]


async def record(words):
    """(the record, the sequence under which it was published)"""
    message = await words.js.get_last_msg("KV_ACTORS", "$KV.ACTORS.example.example-0", direct=True)
    return json.loads(message.data), message.seq
