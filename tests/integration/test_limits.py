"""Limits of docs/limits.md, set by flag and hit: whoever asked gets an answer, and a metric tells."""

import re

import pytest
from nats.js.api import DiscardPolicy
from support.client import Client
from support.fixtures import running
from support.process import wait_until
from support.stack import Stack
from support.words import Words

GOOD = {"prompt": "The sky", "max_tokens": 3, "temperature": 0}


def metric(actor, name, **labels):
    """The value that the actor tells; 0 where there is no such line yet."""
    status, text = actor.admin("/metrics")
    assert status == 200
    wanted = {f'{key}="{value}"' for key, value in labels.items()}
    for line in text.splitlines():
        match = re.fullmatch(r"(\w+)\{(.*)\} (\S+)", line)
        if match and match[1] == name and wanted <= set(match[2].split(",")):
            return float(match[3])
    return 0


@pytest.fixture
def small_outbox(tmp_path):
    options = ("--outbox-messages", "64", "--outbox-bytes", "8MiB", "--slots", "200")
    yield from running(Stack(tmp_path, {}, options), Stack.start_server)


async def test_a_full_outbox_holds_work_back_and_loses_none(small_outbox):
    async with Words.connected(small_outbox.url) as words:
        await words.publish_many(200)
        actor = small_outbox.start_example()
        await words.check(seconds=60)
    assert metric(actor, "reprise_bus_outbox_full_total") > 0
    assert metric(actor, "reprise_messages_retried_total") > 0


async def test_a_full_stream_is_told_and_its_work_goes_back(example_stack):
    async with Words.connected(example_stack.url) as words:
        await words.publish("one two")
        await words.check()
        info = await words.js.stream_info("EXAMPLE")
        info.config.discard, info.config.max_msgs = DiscardPolicy.NEW, info.state.messages + 1
        await words.js.update_stream(info.config)
        await words.publish("takes the last place")
        actor = example_stack.examples[0]
        wait_until(lambda: metric(actor, "reprise_bus_stream_full_total") > 0, 10, "a refused output")
        info.config.max_msgs = -1
        await words.js.update_stream(info.config)
        await words.check()


@pytest.fixture
def small_prompts(tmp_path, tiny):
    def start(stack):
        stack.start_server()
        stack.options = ("--prompt-bytes", "1KiB", "--token-cache", "64KiB")
        stack.start_tokenizer()
        stack.options = ()
        stack.start_executor()

    yield from running(Stack(tmp_path, {"tiny": tiny}), start)


async def test_a_long_prompt_is_refused_with_the_limit_and_counted(small_prompts):
    tokenizer = small_prompts.tokenizers[0]
    async with Client.connected(small_prompts.url) as client:
        answer = await client.ask({**GOOD, "prompt": "x " * 600})
        assert answer.error["code"] == "prompt_too_long" and "1024" in answer.error["limit"], answer.error
        assert metric(tokenizer, "reprise_requests_refused_total", code="prompt_too_long") == 1
        for n in range(200):
            await client.ask({**GOOD, "max_tokens": 1, "prompt": f"{n} words for the cache " * 30})
        assert metric(tokenizer, "reprise_token_cache_evictions_total") > 0
        assert metric(tokenizer, "reprise_token_cache_bytes") <= 64 << 10


async def test_what_is_cut_from_the_log_is_counted(example_stack):
    text = example_stack.examples[0].admin("/metrics")[1]
    for name in ("reprise_log_dropped_total", "reprise_log_suppressed_total", "reprise_restarts_total"):
        assert re.search(rf"^{name}\{{.*\}} 0$", text, re.M), name
