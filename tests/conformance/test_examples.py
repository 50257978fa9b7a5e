"""The client of README.md (docs/examples/client.py), as a user runs it and as a user imports it."""

import asyncio
import importlib.util
import json
import sys

import nats
import pytest
from support.paths import ROOT

CLIENT = ROOT / "docs/examples/client.py"
BODY = {"prompt": "spiders have", "max_tokens": 12}


@pytest.fixture(scope="module")
def client():
    spec = importlib.util.spec_from_file_location("client", CLIENT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
async def connection(shared_stack):
    connection = await nats.connect(shared_stack.url)
    yield connection
    await connection.close()


async def run(stack, *words):
    """(exit status, standard output, standard error) of the script."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(CLIENT), "--server", stack.url, "--model", "tiny", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def text_of(chunks):
    return "".join([chunk["text"] async for chunk in chunks])


async def test_a_request_asked_twice_has_one_answer(shared_stack):
    first = await run(shared_stack, "--request", "example-1", "spiders have")
    again = await run(shared_stack, "--request", "example-1", "something else")
    assert first[0] == 0 and len(first[1]) > 1
    assert again == first


async def test_a_request_without_a_name(shared_stack):
    status, out, err = await run(shared_stack, "spiders have")
    assert (status, err) == (0, "") and len(out) > 1


async def test_a_refusal_names_the_field(shared_stack):
    status, out, err = await run(shared_stack, "--max-tokens", "0", "spiders have")
    assert (status, out) == (1, "")
    error = json.loads(err)
    assert (error["code"], error["field"]) == ("invalid_argument", "max_tokens")


async def test_nobody_answers(client, connection, monkeypatch):
    """There is a stream for it, and no tokenizer that ever sees it: here, a subject of another kind."""
    monkeypatch.setattr(client, "SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(client, "publish", lambda *_: asyncio.sleep(0, result=1))
    with pytest.raises(TimeoutError):
        await text_of(client.ask(connection, "acme", "tiny", BODY, "never-published"))


@pytest.mark.parametrize("dropped", [{0}, {1, 2}, {11}, set(range(12))], ids=["first", "middle", "last", "all"])
async def test_what_was_not_heard_is_read_from_the_stream(client, connection, monkeypatch, dropped):
    monkeypatch.setattr(client, "SILENCE_SECONDS", 0.3)
    whole = [chunk async for chunk in client.ask(connection, "acme", "tiny", BODY)]
    assert [chunk["index"] for chunk in whole] == list(range(12))
    deaf = Deaf(connection, dropped)
    holes = [chunk async for chunk in client.ask(deaf, "acme", "tiny", BODY, f"deaf-{sum(dropped)}")]
    assert [chunk["index"] for chunk in holes] == list(range(12))
    assert [chunk["tokens"] for chunk in holes] == [chunk["tokens"] for chunk in whole]


class Deaf:
    """A connection whose subscription never hears the messages of some indices."""

    def __init__(self, connection, dropped):
        self.connection, self.dropped = connection, dropped

    def jetstream(self):
        return self.connection.jetstream()

    async def subscribe(self, subject):
        self.subscription = await self.connection.subscribe(subject)
        return self

    async def next_msg(self, timeout):
        while True:
            message = await self.subscription.next_msg(timeout)
            if json.loads(message.data)["index"] not in self.dropped:
                return message

    async def unsubscribe(self):
        await self.subscription.unsubscribe()
