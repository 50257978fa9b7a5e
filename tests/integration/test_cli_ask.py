"""`reprise ask`: whom it asks, what it sends, and what becomes of an answer that is disturbed."""

import asyncio
import contextlib
import json
import os
import signal
import time

import nats
import pytest
from support.process import wait_until
from support.tool import FAILED, INTERRUPTED, OK, Tool, published


@pytest.fixture(scope="module")
def answering(tmp_path_factory):
    """A `reprise up` whose fakes answer."""
    tool = Tool(tmp_path_factory.mktemp("answering"))
    with tool.up():
        yield tool


def test_ask_reads_standard_input(answering):
    assert answering.run("ask", text="from a pipe", NATS_URL=answering.url).stdout == "You said: from a pipe\n"
    assert answering.run("ask", "-", text="ä\u2028ö", NATS_URL=answering.url).stdout == "You said: ä\u2028ö\n"


def test_ask_as_json(answering):
    done = answering.run("ask", "--json", "--request", "json-1", "x", NATS_URL=answering.url)
    chunks = [json.loads(line) for line in done.stdout.splitlines()]
    assert [chunk["index"] for chunk in chunks] == list(range(len(chunks)))
    assert all(chunk["request"] == "json-1" for chunk in chunks) and chunks[-1]["finish_reason"] == "stop"


def test_ask_again_under_the_same_id_reads_the_stored_answer(answering):
    words = ["ask", "--request", "same", "once"]
    assert answering.run(*words, NATS_URL=answering.url).stdout == "You said: once\n"
    assert answering.run(*words, NATS_URL=answering.url).stdout == "You said: once\n"


async def test_ask_sends_what_it_was_told(answering):
    connection = await nats.connect(answering.url)
    answering.run("ask", "-t", "a b", "--system", "Be \"brief\".", "--temperature", "0.25", "--top-p", ".9", "--top-k",
                  "5", "--min-p", "1e-2", "--presence-penalty", "-1", "--frequency-penalty", "0.5",
                  "--repetition-penalty", "1.5", "--seed", "18446744073709551615", "--stop", "\n", "--stop", "END",
                  "-n", "7", "--deadline", "90s", "--session", "s", "--no-stream", "Why?", NATS_URL=answering.url)
    stored = await connection.jetstream().get_last_msg("REQUEST", "infer.a=20b.tiny", direct=True)
    assert json.loads(stored.data) == {
        "messages": [{"role": "system", "content": "Be \"brief\"."}, {"role": "user", "content": "Why?"}],
        "max_tokens": 7, "temperature": 0.25, "top_p": 0.9, "top_k": 5, "min_p": 0.01,
        "presence_penalty": -1, "frequency_penalty": 0.5, "repetition_penalty": 1.5, "seed": 2**64 - 1,
        "stop": ["\n", "END"], "deadline_ms": 90000, "session": "s", "stream": False}
    await connection.close()


async def asked(tool, *words):
    """The last request of an `ask WORDS x`, and what was told beside the answer."""
    connection = await nats.connect(tool.url)
    done = tool.run("ask", *words, "x", NATS_URL=tool.url)
    stored = await connection.jetstream().get_last_msg("REQUEST", "infer.default.tiny", direct=True)
    await connection.close()
    assert done.stdout == "You said: x\n"
    request = json.loads(stored.data)
    return request.get("prompt") or request["messages"], done.stderr


@pytest.mark.parametrize("mode, words, raw, told", [
    ("", [], False, False), ("", ["--raw"], True, False), ("chat", [], False, False), ("chat", ["--raw"], True, False),
    ("base", [], True, True), ("base", ["--raw"], True, False), ("base", ["--chat"], False, False),
    ("base", ["--system", "s"], False, False)])
async def test_ask_goes_by_what_the_model_says_of_itself(tool, mode, words, raw, told):
    with tool.up(FAKE_ACTOR=mode):
        sent, note = await asked(tool, *words)
    message = [{"role": "user", "content": "x"}]
    system = [{"role": "system", "content": "s"}] if "--system" in words else []
    assert sent == ("x" if raw else system + message)
    assert ("no chat template in the file of tiny" in note) == told and (note == "") == (not told)


def test_ask_for_a_model_that_is_not_there(answering):
    done = answering.run("ask", "-m", "other", "x", status=FAILED, NATS_URL=answering.url)
    assert "other" in done.stderr and "alive: tiny" in done.stderr


@pytest.mark.parametrize("request_id", ["1234", "a.b", "", "x" * 65])
def test_ask_with_an_id_that_cannot_be(answering, request_id):
    assert "64" in answering.run("ask", "--request", request_id, "x", status=FAILED, NATS_URL=answering.url).stderr


def test_ask_says_at_once_that_nobody_is_there(tool, nats_server):
    assert "reprise provision" in tool.run("ask", "x", "--server", nats_server.url, status=FAILED).stderr
    tool.run("provision", "--server", nats_server.url)
    started = time.monotonic()
    assert "no model is alive" in tool.run("ask", "x", "--server", nats_server.url, status=FAILED).stderr
    named = tool.run("ask", "-m", "tiny", "x", "--server", nats_server.url, status=FAILED)
    assert "no tokenizer is alive" in named.stderr
    assert time.monotonic() - started < 2
    told = json.loads(tool.run("status", "--json", "--server", nats_server.url).stdout)
    assert told["streams"][0]["messages"] == 0, "nothing was published"


def test_ask_that_waits_gives_up_and_says_who_is_missing(tool, nats_server):
    tool.run("provision", "--server", nats_server.url)
    done = tool.run("ask", "--wait", "-m", "tiny", "--timeout", "1s", "--request", "r1", "x", status=FAILED,
                    NATS_URL=nats_server.url)
    assert "no tokenizer is alive" in done.stderr and "reply.default.r1" in done.stderr


async def test_ask_goes_on_over_a_lost_connection(tool):
    """What was published while nobody listened is read from the stream."""
    with tool.up(FAKE_ACTOR="mute"):
        process = tool.begin("ask", "--request", "lost", "x", NATS_URL=tool.url)
        connection = await nats.connect(tool.url)
        js = connection.jetstream()
        await published(js, "REQUEST")
        last = 0
        for index, text in enumerate(["a", "b", "c", "d", "e", "f"]):
            if index == 2:
                process.pause()
                os.kill(tool.pid_of("nats-server -c"), signal.SIGKILL)
            for _ in range(100):
                with contextlib.suppress(nats.errors.Error, asyncio.TimeoutError):
                    body = {"request": "lost", "index": index, "tokens": [], "text": text}
                    if index == 5:
                        body["finish_reason"] = "stop"
                    ack = await js.publish("put.reply.default.lost", json.dumps(body).encode(), timeout=1,
                                           headers={"Nats-Expected-Last-Subject-Sequence": str(last)})
                    last = ack.seq
                    break
                await asyncio.sleep(0.1)
            if index == 4:
                process.resume()
        assert process.wait(30) == OK
        assert process.tail().replace("\n", "") == "abcdef"
        await connection.close()


def test_ask_is_cancelled_by_an_interrupt(tool):
    with tool.up(FAKE_ACTOR="endless"):
        process = tool.begin("ask", "x", NATS_URL=tool.url)
        wait_until(lambda: process.tail().count("again") > 3, 10, "an answer")
        process.child.send_signal(signal.SIGINT)
        assert process.wait(10) == INTERRUPTED
        assert "cancelled" in process.tail()
        told = json.loads(tool.run("status", "--json", NATS_URL=tool.url).stdout)
        (control,) = [stream for stream in told["streams"] if stream["name"] == "CONTROL"]
        assert control["messages"] == 1


def test_a_second_interrupt_leaves_at_once(tool):
    with tool.up(FAKE_ACTOR="mute"):
        process = tool.begin("ask", "x", NATS_URL=tool.url)
        time.sleep(1)
        process.child.send_signal(signal.SIGINT)
        wait_until(lambda: "cancelling" in process.tail(), 5, "the cancel")
        process.child.send_signal(signal.SIGINT)
        assert process.wait(3) == INTERRUPTED

