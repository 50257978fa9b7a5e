"""`reprise up`: what it starts, says, starts again, answers and removes, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time

import nats
import pytest
from support.process import wait_until
from support.tool import FAILED, INTERRUPTED, OK, USAGE, environment


def test_up_asks_and_leaves_nothing(tool):
    done = tool.run(*tool.up_words("--ask", "hello there"))
    assert done.stdout == "You said: hello there\n"
    assert "tokenizer-1: ready" in done.stderr and "executor-1: ready" in done.stderr
    assert tool.processes() == {}
    assert tool.run(*tool.up_words("--ask", "again")).stdout == "You said: again\n"


def test_up_gives_the_answers_status(tool):
    done = tool.run(*tool.up_words("--ask", "hello"), status=FAILED, FAKE_ACTOR="refuse")
    assert "prompt_too_long" in done.stderr and "[limit 4096 tokens]" in done.stderr and done.stdout == ""


def test_up_hands_what_stands_behind_the_dashes_to_ask(tool):
    done = tool.run(*tool.up_words("--ask", "x", "--", "--json", "--request", "mine"))
    assert json.loads(done.stdout.splitlines()[-1])["request"] == "mine"
    refused = tool.run(*tool.up_words("--ask", "x", "--", "--nope"), status=USAGE)
    assert "--nope" in refused.stderr and "reprise ask --help" in refused.stderr and tool.processes() == {}


@pytest.mark.parametrize("mode, text", [("", "Why is the sky blue?"), ("base", "Once upon a time")])
def test_what_up_says_to_type_can_be_pasted(tool, mode, text):
    """Out of any folder, by a shell without our binary in its PATH."""
    with tool.up(FAKE_ACTOR=mode) as up:
        lines = up.tail().splitlines()
        assert ("There is no chat template in the file of tiny" in up.tail()) == (mode == "base")
        typed = [line for line in lines if line.startswith(f"  {tool.bin}/reprise ")]
        answers = [subprocess.run(["sh", "-c", line], cwd="/", capture_output=True, text=True, timeout=30,
                                  env=environment()) for line in typed]
        assert [answer.returncode for answer in answers] == [OK, OK], answers
        assert answers[0].stdout == f"You said: {text}\n"
        assert "ready: 1 tokenizer, 1 executor" in answers[1].stdout


def test_what_up_says_of_nats_py_can_be_pasted(tool):
    with tool.up() as up:
        snippet = up.tail().partition("Or with nats-py:\n")[2].partition("\n\n")[0]
        program = f"import asyncio, nats\nasync def main():\n{snippet}\nasyncio.run(asyncio.wait_for(main(), 1))\n"
        done = subprocess.run([sys.executable, "-u", "-c", program], capture_output=True, text=True, timeout=30)
        assert "Once upon a time" in done.stdout, done.stderr


def test_up_serves_until_it_is_told(tool):
    with tool.up() as up:
        assert tool.url in up.tail() and "infer.me.tiny" in up.tail()
        told = json.loads(tool.run("status", "--json", NATS_URL=tool.url).stdout)
        assert told["ready"] is True
        assert [actor["kind"] for actor in told["actors"]] == ["executor", "janitor", "tokenizer", "up"]
        assert tool.run("ask", "one two", NATS_URL=tool.url).stdout == "You said: one two\n"
        assert "tiny" in tool.run("model", "list", NATS_URL=tool.url).stdout
        assert len(tool.processes()) == 5
        assert up.stop() == OK
        assert tool.processes() == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_up_stops_on_every_signal(tool, number):
    with tool.up() as up:
        up.child.send_signal(number)
        assert up.wait(15) == OK
        assert tool.processes() == {}


def test_up_interrupted_while_it_starts(tool):
    process = tool.begin(*tool.up_words(), FAKE_ACTOR="unready")
    wait_until(lambda: len(tool.processes()) == 5, 15, "all to be started")
    process.child.send_signal(signal.SIGINT)
    assert process.wait(15) == INTERRUPTED


def test_up_killed_leaves_nothing(tool):
    with tool.up(FAKE_ACTOR="deaf") as up:
        assert len(tool.processes()) == 5
        up.kill()
        wait_until(lambda: not tool.processes(), 10, "children to end with their parent")
    assert tool.run(*tool.up_words("--ask", "after")).stdout == "You said: after\n"


def test_up_with_deaf_actors_ends_at_the_second_signal(tool):
    with tool.up(FAKE_ACTOR="deaf") as up:
        up.child.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert up.running
        up.child.send_signal(signal.SIGINT)
        up.wait(10)
        assert tool.processes() == {}


def test_up_starts_what_dies_again(tool):
    with tool.up() as up:
        for words in ("reprise-executor", "reprise-tokenizer", "reprise-janitor", "nats-server -c"):
            pid = tool.pid_of(words)
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: pid not in tool.processes() and len(tool.processes()) == 5, 15, f"{words} again")
        assert up.tail().count("starting it again in 0.5 s (1 of 5)") == 4
        wait_until(lambda: up.tail().count("ready again") == 3, 15, "all to be ready")
        wait_until(lambda: tool.serves(), 15, "the server again")
        done = tool.run("ask", "--wait", "still there?", "-m", "tiny", NATS_URL=tool.url)
        assert done.stdout == "You said: still there?\n"


def test_up_gives_up_on_what_always_dies(tool):
    done = tool.run(*tool.up_words(), status=FAILED, FAKE_ACTOR="die,unready")
    assert [f"in {pause} s ({n} of 5)" in done.stderr for n, pause in enumerate(("0.5", "1.0", "2.0", "4.0", "8.0"), 1)]
    assert "ended with status 1, and was started again 5 times before" in done.stderr
    assert tool.processes() == {}


def test_the_rest_goes_on_without_one_that_was_given_up(tool):
    """It is named, shown with the end of its log, and may be started anew; nobody else is disturbed."""
    with tool.up(*tool.up_words("--executors", 2), FAKE_ACTOR="die-as=executor-2") as up:
        wait_until(lambda: "executor-2: given up; the rest goes on" in up.tail(), 40, "it to be given up")
        assert "was started again 5 times before" in up.tail() and str(tool.data / "logs/executor-2.log") in up.tail()
        assert "reprise scale executor N --model tiny" in up.tail()
        status = tool.run("status", NATS_URL=tool.url).stdout
        assert "executor-2" in status and "given up" in status
        assert tool.run("ask", "still there?", NATS_URL=tool.url).stdout == "You said: still there?\n"
        pid = tool.pid_of("reprise-executor")
        again = tool.run("scale", "executor", 2, NATS_URL=tool.url)
        assert "from 1 to 2; starting executor-2" in again.stderr and tool.pid_of("--instance executor-1-") == pid
        assert up.stop() == OK


def test_up_ends_when_nothing_can_be_answered_any_more(tool):
    """Of three processes the last executor is given up, at once, since it does not like how it is called."""
    wrong = tool.folder / "wrong"
    with tool.up(FAKE_ACTOR=f"wrong-with={wrong}") as up:
        wrong.touch()
        os.kill(tool.pid_of("reprise-executor"), signal.SIGKILL)
        assert up.wait(15) == FAILED
        assert "was ended by signal 9; starting it again in 0.5 s (1 of 5)" in up.tail()
        assert "what is this?" in up.tail(), "the end of its log"
        assert "executor-1 ended with status 2, and nothing can be answered without it" in up.tail()
        assert tool.processes() == {}


def test_an_executor_of_each_model(tool):
    other = tool.folder / "other.gguf"
    other.write_bytes(b"GGUF and more")
    with tool.up(*tool.up_words("--model", f"other={other}", "--executors", 2)) as up:
        assert "executor-1: ready" in up.tail() and "executor-4: ready" in up.tail() and "with other" in up.tail()
        served = json.loads(tool.run("model", "list", "--json", NATS_URL=tool.url).stdout)["models"]
        assert {(model["name"], model["ready"]) for model in served} == {("tiny", 2), ("other", 2)}


def test_up_does_not_repeat_a_wrong_call(tool):
    done = tool.run(*tool.up_words(), status=FAILED, FAKE_ACTOR="wrong-usage")
    assert "ended with status 2" in done.stderr and "what is this?" in done.stderr
    assert "starting it again" not in done.stderr


def test_up_names_who_is_not_ready(tool):
    done = tool.run(*tool.up_words("--ready-timeout", "1s"), status=FAILED, FAKE_ACTOR="unready")
    assert "executor-1, tokenizer-1" in done.stderr and "--ready-timeout" in done.stderr


def test_up_without_a_nats_server(tool):
    done = tool.run("up", "--model", f"tiny={tool.model}", "--data", tool.data, status=USAGE, PATH="/nowhere")
    assert "--nats-server" in done.stderr and "deploy/up" in done.stderr


def test_up_on_a_running_server(tool, nats_server):
    words = ["up", "--model", f"tiny={tool.model}", "--data", tool.data]
    with tool.up(*words, NATS_URL=nats_server.url) as up:
        assert nats_server.url in up.tail()
        assert tool.run("ask", "hi", "--server", nats_server.url).stdout == "You said: hi\n"
        assert up.stop() == OK
    assert nats_server.running, "it is not ours to stop"
    assert tool.run(*words, "--ask", "more", "--server", nats_server.url).stdout == "You said: more\n"


def test_up_as_json(tool):
    done = tool.run(*tool.up_words("--json", "--ask", "x y"))
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert "".join(line["text"] for line in lines if "index" in line) == "You said: x y"
    assert {line["about"] for line in lines if "about" in line} >= {"nats-server", "provision", "tokenizer-1"}


async def test_up_answers_what_is_left_of_other_versions(tool):
    """Requests that wait for a version that is gone end in `unavailable`, also one that was half answered."""
    tool.run(*tool.up_words("--ask", "x"))
    with tool.up() as up:
        connection = await nats.connect(tool.url)
        js = connection.jetstream()
        tool.run("provision", "--model", "tiny@gone", NATS_URL=tool.url)
        for number, request in enumerate(("fresh", "half", "whole"), 7):
            await js.publish("exec.tiny.gone.normal-0", b"?", headers={
                "Rp-Tenant": "a=20b", "Rp-Request": request, "Rp-Encoding": "application/json",
                "Rp-Cause": f"REQUEST:{number}:0"})
        first = {"index": 0, "tokens": [5, 6], "text": "Hel"}
        last = {"index": 0, "tokens": [5], "text": "Yes", "finish_reason": "stop",
                "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
        await js.publish("put.reply.a=20b.half", json.dumps({"request": "half", **first}).encode())
        await js.publish("put.reply.a=20b.whole", json.dumps({"request": "whole", **last}).encode())
        await connection.close()
        assert up.stop() == OK
    with tool.up() as up:
        assert "3 requests" in up.tail() and "1 durable" in up.tail()
        connection = await nats.connect(tool.url)
        js = connection.jetstream()
        for request, tokens, text, reason, chunks in [("fresh", [], "", "error", 1), ("half", [5, 6], "Hel", "error", 2),
                                                      ("whole", [5], "Yes", "stop", 1)]:
            end = json.loads((await js.get_last_msg("REPLY", f"reply.a=20b.{request}", direct=True)).data)
            assert end["finish_reason"] == reason and end["index"] == chunks - 1
            result = json.loads((await js.get_last_msg("RESULT", f"result.a=20b.{request}", direct=True)).data)
            assert (result["tokens"], result["text"], result["finish_reason"]) == (tokens, text, reason)
            assert result["request_sequence"] == {"fresh": 7, "half": 8, "whole": 9}[request]
            assert result["version"] == "gone" and result["tenant"] == "a b" and result["exec_sequence"] >= 1
            if reason == "error":
                assert end["error"] == result["error"] and end["error"]["code"] == "unavailable"
        with pytest.raises(nats.js.errors.NotFoundError):
            await js.consumer_info("EXEC", "executor-tiny-gone-normal-0")
        await connection.close()


async def test_up_makes_room(tool, nats_server):
    """A REQUEST that fills with settled requests never refuses new ones."""
    tool.run("provision", "--max-bytes", "64MiB", "--server", nats_server.url)
    with tool.up("up", "--model", f"tiny={tool.model}", "--data", tool.data, NATS_URL=nats_server.url):
        connection = await nats.connect(nats_server.url)
        js = connection.jetstream()
        limit = (await js.stream_info("REQUEST")).config.max_bytes
        body = json.dumps({"prompt": "x" * 100_000}).encode()
        for _ in range(int(limit * 0.8) // len(body)):
            await js.publish("infer.acme.tiny", body)
        log = tool.data / "logs/janitor-1.log"
        wait_until(lambda: '"purged"' in log.read_text(), 30, "room to be made")
        assert (await js.stream_info("REQUEST")).state.bytes < limit / 4
        await connection.close()


def test_one_up_a_folder_and_a_port(tool):
    with tool.up() as up:
        second = tool.run(*tool.up_words(), status=FAILED)
        assert str(up.pid) in second.stderr and "--data" in second.stderr
        elsewhere = tool.folder / "elsewhere"
        taken = tool.run(*tool.up_words("--data", elsewhere), status=FAILED)
        assert f"port {tool.port}" in taken.stderr and f"--server {tool.url}" in taken.stderr
        assert tool.run(*tool.up_words("--data", elsewhere, "--port", 0, "--ask", "x")).stdout == "You said: x\n"


def test_an_interrupt_of_up_cancels_its_ask(tool):
    process = tool.begin(*tool.up_words("--ask", "x"), FAKE_ACTOR="endless")
    wait_until(lambda: process.tail().count("again") > 3, 15, "an answer")
    process.child.send_signal(signal.SIGINT)
    assert process.wait(15) == INTERRUPTED
    assert "cancelled" in process.tail() and tool.processes() == {}

