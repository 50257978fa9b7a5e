"""`reprise up` with the real actors beside it."""

import contextlib
import json
from pathlib import Path

import pytest
from support.client import Client
from support.paths import program
from support.stack import Actor
from support.tool import OK, published

import gguf_io  # from tests/reference


@pytest.fixture
def real(tool):
    """The same tool, beside the real actors."""
    tool.bin = program("reprise").parent
    return tool


def own(tool):
    """Of all that runs, what belongs to this test."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            variables = (entry / "environ").read_bytes().split(b"\0")
            if f"NATS_URL={tool.url}".encode() in variables:
                found[int(entry.name)] = (entry / "cmdline").read_bytes()
    return found


def test_up_asks_a_real_model(real, tiny):
    """Twice, since the second finds its streams; greedy answers are the same."""
    answers = [real.run(*real.up_words("--ask", "Why is the sky blue?", model=tiny)).stdout for _ in range(2)]
    assert answers[0] and answers[0] == answers[1]
    assert own(real) == {}


def with_template(path, out, template):
    """A copy of a model's file that brings a chat template."""
    read, writer = gguf_io.Reader(path), gguf_io.Writer()
    writer.entries = list(read.entries)
    writer.add("tokenizer.chat_template", gguf_io.STRING, template)
    for tensor in read.tensors.values():
        writer.add_tensor(tensor.name, tensor.shape, tensor.type, bytes(tensor.data))
    writer.write(out)
    return out


def test_a_model_with_a_chat_template_is_asked_through_it(real, tiny):
    model = with_template(tiny, real.folder / "chat.gguf", "{{ '<start_of_turn>' + message['role'] }}")
    with real.up(*real.up_words(model=model)) as up:
        assert "no chat template" not in up.tail() and "Why is the sky blue?" in up.tail()
        (listed,) = json.loads(real.run("model", "list", "--json", NATS_URL=real.url).stdout)["models"]
        assert listed["chat_template"] is True
        asked, chat, raw = (real.run("ask", "-n", "4", *words, "The sky is", NATS_URL=real.url)
                            for words in ([], ["--chat"], ["--raw"]))
        assert asked.stdout == chat.stdout != raw.stdout and asked.stderr == ""


def test_a_model_without_a_chat_template_gets_the_text_as_it_is(real, tiny):
    """The tiny model's file has none, and its executor says so."""
    with real.up(*real.up_words(model=tiny)) as up:
        assert "There is no chat template in the file of tiny" in up.tail()
        (model,) = json.loads(real.run("model", "list", "--json", NATS_URL=real.url).stdout)["models"]
        assert model["chat_template"] is False
        guessed = real.run("ask", "-n", "4", "The sky is", NATS_URL=real.url)
        assert "no chat template in the file of tiny" in guessed.stderr
        raw = real.run("ask", "-n", "4", "--raw", "The sky is", NATS_URL=real.url)
        assert raw.stdout == guessed.stdout and raw.stderr == ""
        chat = real.run("ask", "-n", "4", "--chat", "The sky is", NATS_URL=real.url)
        assert chat.stdout != raw.stdout and chat.stderr == ""


async def test_what_a_real_tokenizer_left_is_answered(real, tiny, slow, nats_server):
    """The model's file changes while requests wait; who asks afterwards is answered."""
    real.run("provision", "--model", f"tiny={tiny}", "--server", nats_server.url)
    tokenizer = Actor("reprise-tokenizer", "before", nats_server, {"tiny": tiny}, real.folder).start()
    async with Client.connected(nats_server.url) as client:
        request = await client.publish({"prompt": "The sky is"}, "left-json")
        digits = await client.publish({"prompt": "The sky is"})
        await published(client.js, "EXEC", 2)
        assert tokenizer.stop() == OK
        words = ["up", "--model", f"tiny={slow}", "--data", real.data]
        with real.up(*words, NATS_URL=nats_server.url):
            for waiting in (request, digits):
                answer, result = await client.answer_and_result(waiting)
                assert answer.finish_reason == "error" and answer.error["code"] == "unavailable"
                assert answer.error["field"] == "model"
                assert result["model"] == "tiny" and result["exec_sequence"] in (1, 2)
            done = await client.ask({"prompt": "The sky is", "max_tokens": 3, "temperature": 0})
            assert done.finish_reason == "length"


async def test_scaling_loses_no_work(real, slow):
    """Executors come and go under two dozen answers, which all end as those of one that nobody disturbs."""
    body = {"prompt": "The sky is", "max_tokens": 24, "temperature": 0}
    with real.up(*real.up_words(model=slow)):
        async with Client.connected(real.url, model="tiny") as client:
            undisturbed = await client.ask(body)
            requests = [await client.publish(body, client.new_request()) for _ in range(24)]
            for count in (3, 1, 0, 2):
                real.run("scale", "executor", count, NATS_URL=real.url)
            for request in requests:
                answer, result = await client.answer_and_result(request)
                assert answer.text == undisturbed.text and result["digest"] == answer.last["digest"]
