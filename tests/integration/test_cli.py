"""`reprise`, the tool, against a real server. Where actors are needed, fake_actor.py stands in for them: this is
about what the tool does, whatever a model says."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nats
import pytest
from support.client import Client
from support.paths import NATS_SERVER, program
from support.process import Process, free_port, wait_until
from support.stack import Actor, NatsServer

FAKE = Path(__file__).with_name("fake_actor.py")
OK, FAILED, USAGE, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 130
NOWHERE = "nats://127.0.0.1:1"


def environment(**more):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NATS_", "REPRISE_"))}
    return {**clean, **{name: str(value) for name, value in more.items()}}


class Tool:
    """`reprise` in a folder of its own, with fakes beside it."""

    def __init__(self, folder):
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        shutil.copy(program("reprise"), self.bin / "reprise")
        for kind in ("tokenizer", "executor"):
            fake = self.bin / f"reprise-{kind}"
            fake.write_text(f"#!{sys.executable}\n" + FAKE.read_text().partition("\n")[2])
            fake.chmod(0o755)
        self.model = folder / "tiny.gguf"
        self.model.write_bytes(b"GGUF and nothing else")
        self.data = folder / "data"
        self.port = free_port()

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def command(self, *words):
        return [str(self.bin / "reprise"), *map(str, words)]

    def run(self, *words, status=OK, seconds=60, text="", **more):
        done = subprocess.run(self.command(*words), input=text, capture_output=True, text=True, timeout=seconds,
                              env=environment(**more))
        assert done.returncode == status, f"{done.returncode}, not {status}:\n{done.stdout}{done.stderr}"
        return done

    def up_words(self, *words):
        return ["up", "--model", f"tiny={self.model}", "--data", self.data, "--port", self.port, "--nats-server",
                NATS_SERVER, *words]

    @contextlib.contextmanager
    def up(self, *words, fake="", url=None):
        """A `reprise up` that is ready, in the background."""
        name = f"up-{time.monotonic_ns()}"
        process = Process(name, self.command(*(words or self.up_words())), self.folder,
                          {**environment(FAKE_ACTOR=fake), **({"NATS_URL": url} if url else {})})
        process.environment = environment(FAKE_ACTOR=fake, **({"NATS_URL": url} if url else {}))
        process.start()
        try:
            wait_until(lambda: "is ready" in process.tail() or not process.running, 20, "reprise up")
            assert process.running, process.tail()
            yield process
        finally:
            if process.running:
                process.stop(30)

    def processes(self):
        """The pids of all that runs out of our folder, the server included."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if str(self.folder) in line and (str(self.bin) in line or "nats-server" in line):
                    found[int(entry.parent.name)] = line
        return found

    def serves(self):
        done = subprocess.run(self.command("status", "--server", self.url), capture_output=True, env=environment())
        return done.returncode == OK

    def pid_of(self, words):
        (pid,) = [pid for pid, line in self.processes().items() if words in line and "_child" not in line]
        return pid


@pytest.fixture
def tool(tmp_path):
    tool = Tool(tmp_path)
    yield tool
    assert wait_until(lambda: not tool.processes(), 10, "everything to end") or True


@pytest.fixture
def server(tmp_path):
    server = NatsServer(tmp_path)
    server.start()
    yield server
    server.kill()


# -- the tool itself ---------------------------------------------------------------------------------------


def test_help_teaches(tool):
    overview = tool.run("--help").stdout
    for command in ("up", "ask", "status", "provision", "model list", "version"):
        assert f"  {command} " in overview
        text = tool.run(*command.split(), "--help").stdout
        assert text.startswith(f"reprise {command} ")
        assert "  reprise " in text or command == "version"
        assert "Exit status: 0 done, 1 failed, 2 called wrongly, 3 no server reached, 130 interrupted" in text
    assert "_child" not in overview


def test_wrong_calls(tool):
    assert "reprise COMMAND" in tool.run(status=USAGE).stderr
    assert "no command \"nonsense\"" in tool.run("nonsense", status=USAGE).stderr
    assert "no command \"model\"" in tool.run("model", status=USAGE).stderr
    for words in (["status", "--nope"], ["ask", "--max-tokens", "0", "x"], ["ask", "a", "b"],
                  ["ask", "--temperature", "warm", "x"], ["ask", "--seed", "-1", "x"], ["ask"],
                  ["ask", "--raw", "--system", "s", "x"], ["up"], ["up", "word"], ["up", "--model", "x=/nowhere"],
                  ["_child"]):
        done = tool.run(*words, status=USAGE)
        assert done.stdout == "" and done.stderr.startswith("reprise: "), words


def test_version(tool):
    assert tool.run("version").stdout.startswith("reprise ")
    assert tool.run("--version").stdout.startswith("reprise ")
    told = json.loads(tool.run("version", "--json").stdout)
    assert told["version"] and told["build"] and told["nats"]


@pytest.mark.parametrize("words", [["status"], ["model", "list"], ["provision"], ["ask", "x"]], ids=" ".join)
def test_no_server(tool, words):
    done = tool.run(*words, "--server", NOWHERE, status=UNREACHABLE)
    assert NOWHERE in done.stderr and "deploy/up" in done.stderr and done.stdout == ""
    error = json.loads(tool.run(*words, "--json", status=UNREACHABLE, NATS_URL=NOWHERE).stderr)["error"]
    assert error["code"] == "unavailable" and error["field"] == "server"


def test_no_server_in_up(tool):
    done = tool.run("up", "--model", f"tiny={tool.model}", "--data", tool.data, status=UNREACHABLE, NATS_URL=NOWHERE)
    assert NOWHERE in done.stderr


def test_server_options_win_over_the_environment(tool, server):
    tool.run("status", "--server", server.url, NATS_URL=NOWHERE)
    tool.run("status", NATS_URL=f"{NOWHERE},{server.url}")


@contextlib.contextmanager
def guarded_server(folder, rules):
    """A server that does not let everybody in."""
    config = folder / "guarded.conf"
    config.write_text(f"jetstream {{ store_dir: {folder}/guarded }}\n{rules}\n")
    server = NatsServer(folder)
    server.command = [str(NATS_SERVER), "-c", str(config), "-a", "127.0.0.1", "-p", str(server.port)]
    server.start()
    try:
        yield server.url
    finally:
        server.kill()


def test_password(tool, tmp_path):
    with guarded_server(tmp_path, "authorization { user: ann, password: secret }") as url:
        assert "--creds" in tool.run("status", "--server", url, status=FAILED).stderr
        wrong = tool.run("status", "--server", url, "--user", "ann", "--password", "guess", status=FAILED)
        assert "guess" not in wrong.stderr
        tool.run("status", "--server", url, "--user", "ann", "--password", "secret")
        tool.run("status", NATS_URL=url, NATS_USER="ann", NATS_PASSWORD="secret")
        shown = tool.run("status", "--server", url.replace("//", "//ann:secret@")).stdout
        assert "secret" not in shown


def test_token(tool, tmp_path):
    with guarded_server(tmp_path, "authorization { token: t0ken }") as url:
        tool.run("status", "--server", url, status=FAILED)
        tool.run("status", "--server", url, "--token", "t0ken")
        tool.run("status", "--server", url.replace("//", "//t0ken@"))


def test_nkey(tool, tmp_path):
    """The pair stands in the NATS documentation."""
    seed = tmp_path / "user.nk"
    seed.write_text("SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY\n")
    public = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
    with guarded_server(tmp_path, f"authorization {{ users: [{{ nkey: {public} }}] }}") as url:
        tool.run("status", "--server", url, status=FAILED)
        tool.run("status", "--server", url, "--nkey", seed)
        tool.run("status", NATS_URL=url, NATS_NKEY=seed)


def test_permissions(tool, tmp_path):
    """What our user may not do is told as that, not as a time-out."""
    rules = "authorization { users: [{user: a, password: b, permissions: {publish: \"_INBOX.>\"}}] }"
    with guarded_server(tmp_path, rules) as url:
        done = tool.run("provision", "--server", url, "--user", "a", "--password", "b", status=FAILED)
        assert "permit" in done.stderr


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def test_tls(tool, tmp_path):
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(tmp_path, "req", "-x509", *key, "-days", "2", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem")
    (tmp_path / "names").write_text("subjectAltName=DNS:nats.example")
    for name in ("server", "client"):
        openssl(tmp_path, "req", *key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl(tmp_path, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", f"{name}.pem")
    tls = (f"tls {{ cert_file: {tmp_path}/server.pem, key_file: {tmp_path}/server.key, ca_file: {tmp_path}/ca.pem,"
           " verify: true }")
    with guarded_server(tmp_path, tls) as url:
        us = ["--tls-cert", tmp_path / "client.pem", "--tls-key", tmp_path / "client.key"]
        ca = ["--tls-ca", tmp_path / "ca.pem"]
        name = ["--tls-server-name", "nats.example"]
        assert "--tls-ca" in tool.run("status", "--server", url, *us, status=FAILED).stderr, "an unknown authority"
        assert "mismatch" in tool.run("status", "--server", url, *us, *ca, status=FAILED).stderr, "another's name"
        tool.run("status", "--server", url, *us, *ca, *name)
        tool.run("status", "--server", url.replace("nats://", "tls://"), *us, *ca, *name)
        done = subprocess.run(tool.command("status", "--server", url, *ca, *name), capture_output=True, text=True,
                              env=environment())
        assert done.returncode in (FAILED, UNREACHABLE), "no certificate of ours"


# -- status, model list, ask without anybody ---------------------------------------------------------------


def test_status_of_an_empty_server(tool, server):
    assert "reprise provision" in tool.run("status", "--server", server.url).stdout
    tool.run("provision", "--server", server.url, "--model", "tiny@1")
    text = tool.run("status", "--server", server.url).stdout
    assert "executor-tiny-1-normal-0" in text and "no tokenizer and no executor" in text
    told = json.loads(tool.run("status", "--json", "--server", server.url).stdout)
    assert told["ready"] is False and told["streams_missing"] == 0 and told["actors"] == []
    assert [stream["name"] for stream in told["streams"]][:3] == ["REQUEST", "EXEC", "REPLY"]
    assert {durable["name"] for durable in told["durables"]} == {"tokenizer", "example", "executor-tiny-1-normal-0"}


async def test_status_counts_what_waits(tool, server):
    tool.run("provision", "--server", server.url, "--model", "tiny@1")
    connection = await nats.connect(server.url)
    js = connection.jetstream()
    for _ in range(3):
        await js.publish("infer.acme.tiny", b"{}")
    pull = await js.pull_subscribe_bind("tokenizer", "REQUEST")
    await pull.fetch(1, timeout=2)
    told = json.loads(tool.run("status", "--json", "--server", server.url).stdout)
    (tokenizer,) = [durable for durable in told["durables"] if durable["name"] == "tokenizer"]
    assert tokenizer["pending"] == 2 and tokenizer["unacknowledged"] == 1
    (request,) = [stream for stream in told["streams"] if stream["name"] == "REQUEST"]
    assert request["messages"] == 3 and request["bytes"] > 0
    await connection.close()


async def test_a_record_that_is_not_renewed_is_gone(tool, server):
    tool.run("provision", "--server", server.url)
    connection = await nats.connect(server.url)
    bucket = await connection.jetstream().key_value("ACTORS")
    record = {"kind": "executor", "instance": "a", "build": "b", "ready": True,
              "models": [{"name": "old", "version": "1"}]}
    await bucket.put("executor.a", json.dumps(record).encode())
    await bucket.put("executor.broken", b"{")
    listed = json.loads(tool.run("model", "list", "--json", "--server", server.url).stdout)
    assert [model["name"] for model in listed["models"]] == ["old"]
    await asyncio.sleep(5.2)
    told = json.loads(tool.run("status", "--json", "--server", server.url).stdout)
    assert [(actor["instance"], actor["alive"]) for actor in told["actors"]] == [("a", False)]
    assert json.loads(tool.run("model", "list", "--json", "--server", server.url).stdout) == {"models": []}
    await connection.close()


def test_ask_says_at_once_that_nobody_is_there(tool, server):
    assert "reprise provision" in tool.run("ask", "x", "--server", server.url, status=FAILED).stderr
    tool.run("provision", "--server", server.url)
    started = time.monotonic()
    assert "no model is alive" in tool.run("ask", "x", "--server", server.url, status=FAILED).stderr
    named = tool.run("ask", "-m", "tiny", "x", "--server", server.url, status=FAILED)
    assert "no tokenizer is alive" in named.stderr
    assert time.monotonic() - started < 2
    told = json.loads(tool.run("status", "--json", "--server", server.url).stdout)
    assert told["streams"][0]["messages"] == 0, "nothing was published"


def test_ask_that_waits_gives_up_and_says_who_is_missing(tool, server):
    tool.run("provision", "--server", server.url)
    done = tool.run("ask", "--wait", "-m", "tiny", "--timeout", "1s", "--request", "r1", "x", "--server", server.url,
                    status=FAILED)
    assert "no tokenizer is alive" in done.stderr and "reply.default.r1" in done.stderr


# -- up ----------------------------------------------------------------------------------------------------


def test_up_asks_and_leaves_nothing(tool):
    done = tool.run(*tool.up_words("--ask", "hello there"))
    assert done.stdout == "You said: hello there\n"
    assert "tokenizer-1: ready" in done.stderr and "executor-1: ready" in done.stderr
    assert tool.processes() == {}
    assert tool.run(*tool.up_words("--ask", "again")).stdout == "You said: again\n"


def test_up_gives_the_answers_status(tool):
    done = tool.run(*tool.up_words("--ask", "hello"), status=FAILED, FAKE_ACTOR="refuse")
    assert "prompt_too_long" in done.stderr and "[limit 4096 tokens]" in done.stderr and done.stdout == ""


def test_up_serves_until_it_is_told(tool):
    with tool.up() as up:
        assert tool.url in up.tail() and "infer.me.tiny" in up.tail()
        told = json.loads(tool.run("status", "--json", NATS_URL=tool.url).stdout)
        assert told["ready"] is True and len(told["actors"]) == 2
        assert tool.run("ask", "one two", NATS_URL=tool.url).stdout == "You said: one two\n"
        assert "tiny" in tool.run("model", "list", NATS_URL=tool.url).stdout
        assert len(tool.processes()) == 4
        assert up.stop() == OK
        assert tool.processes() == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_up_stops_on_every_signal(tool, number):
    with tool.up() as up:
        up.child.send_signal(number)
        assert up.wait(15) == OK
        assert tool.processes() == {}


def test_up_interrupted_while_it_starts(tool):
    process = Process("up", tool.command(*tool.up_words()), tool.folder)
    process.environment = environment(FAKE_ACTOR="unready")
    process.start()
    wait_until(lambda: len(tool.processes()) == 4, 15, "all to be started")
    process.child.send_signal(signal.SIGINT)
    assert process.wait(15) == INTERRUPTED


def test_up_killed_leaves_nothing(tool):
    with tool.up(fake="deaf") as up:
        assert len(tool.processes()) == 4
        up.kill()
        wait_until(lambda: not tool.processes(), 10, "children to end with their parent")
    assert tool.run(*tool.up_words("--ask", "after")).stdout == "You said: after\n"


def test_up_with_deaf_actors_ends_at_the_second_signal(tool):
    with tool.up(fake="deaf") as up:
        up.child.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert up.running
        up.child.send_signal(signal.SIGINT)
        up.wait(10)
        assert tool.processes() == {}


def test_up_starts_what_dies_again(tool):
    with tool.up() as up:
        for words in ("reprise-executor", "reprise-tokenizer", "nats-server -c"):
            pid = tool.pid_of(words)
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: pid not in tool.processes() and len(tool.processes()) == 4, 15, f"{words} again")
        assert up.tail().count("starting it again") == 3
        wait_until(lambda: tool.serves(), 15, "the server again")
        done = tool.run("ask", "--wait", "still there?", "-m", "tiny", NATS_URL=tool.url)
        assert done.stdout == "You said: still there?\n"


def test_up_gives_up_on_what_always_dies(tool):
    done = tool.run(*tool.up_words(), status=FAILED, FAKE_ACTOR="die,unready")
    assert "(5 of 5)" in done.stderr and "was started again 5 times before" in done.stderr
    assert tool.processes() == {}


def test_up_does_not_repeat_a_wrong_call(tool):
    done = tool.run(*tool.up_words(), status=FAILED, FAKE_ACTOR="wrong-usage")
    assert "ended with status 2" in done.stderr and "what is this?" in done.stderr
    assert "starting it again" not in done.stderr


def test_up_names_who_is_not_ready(tool):
    done = tool.run(*tool.up_words("--ready-timeout", "1s"), status=FAILED, FAKE_ACTOR="unready")
    assert "executor-1, tokenizer-1" in done.stderr and "--ready-timeout" in done.stderr


def test_one_up_a_folder_and_a_port(tool):
    with tool.up() as up:
        second = tool.run(*tool.up_words(), status=FAILED)
        assert str(up.pid) in second.stderr and "--data" in second.stderr
        elsewhere = tool.folder / "elsewhere"
        taken = tool.run(*tool.up_words("--data", elsewhere), status=FAILED)
        assert f"port {tool.port}" in taken.stderr and f"--server {tool.url}" in taken.stderr
        assert tool.run(*tool.up_words("--data", elsewhere, "--port", 0, "--ask", "x")).stdout == "You said: x\n"


def test_up_without_a_nats_server(tool):
    done = tool.run("up", "--model", f"tiny={tool.model}", "--data", tool.data, status=USAGE, PATH="/nowhere")
    assert "--nats-server" in done.stderr and "deploy/up" in done.stderr


def test_up_on_a_running_server(tool, server):
    words = ["up", "--model", f"tiny={tool.model}", "--data", str(tool.data)]
    with tool.up(*words, url=server.url) as up:
        assert server.url in up.tail()
        assert tool.run("ask", "hi", "--server", server.url).stdout == "You said: hi\n"
        assert up.stop() == OK
    assert server.running, "it is not ours to stop"
    assert tool.run(*words, "--ask", "more", "--server", server.url).stdout == "You said: more\n"


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


async def test_up_makes_room(tool, server):
    """A REQUEST that fills with settled requests never refuses new ones."""
    tool.run("provision", "--max-bytes", "64MiB", "--server", server.url)
    with tool.up("up", "--model", f"tiny={tool.model}", "--data", tool.data, url=server.url) as up:
        connection = await nats.connect(server.url)
        js = connection.jetstream()
        limit = (await js.stream_info("REQUEST")).config.max_bytes
        body = json.dumps({"prompt": "x" * 100_000}).encode()
        for _ in range(int(limit * 0.8) // len(body)):
            await js.publish("infer.acme.tiny", body)
        wait_until(lambda: "settled messages removed" in up.tail(), 30, "room to be made")
        assert (await js.stream_info("REQUEST")).state.bytes < limit / 4
        await connection.close()


# -- ask ---------------------------------------------------------------------------------------------------


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
                  "5", "--min-p", "1e-2", "--seed", "18446744073709551615", "--stop", "\n", "--stop", "END", "-n", "7",
                  "--deadline", "90s", "--session", "s", "--no-stream", "Why?", NATS_URL=answering.url)
    stored = await connection.jetstream().get_last_msg("REQUEST", "infer.a=20b.tiny", direct=True)
    assert json.loads(stored.data) == {
        "messages": [{"role": "system", "content": "Be \"brief\"."}, {"role": "user", "content": "Why?"}],
        "max_tokens": 7, "temperature": 0.25, "top_p": 0.9, "top_k": 5, "min_p": 0.01, "seed": 2**64 - 1,
        "stop": ["\n", "END"], "deadline_ms": 90000, "session": "s", "stream": False}
    await connection.close()


def test_ask_for_a_model_that_is_not_there(answering):
    done = answering.run("ask", "-m", "other", "x", status=FAILED, NATS_URL=answering.url)
    assert "other" in done.stderr and "alive: tiny" in done.stderr


@pytest.mark.parametrize("request_id", ["1234", "a.b", "", "x" * 65])
def test_ask_with_an_id_that_cannot_be(answering, request_id):
    assert "64" in answering.run("ask", "--request", request_id, "x", status=FAILED, NATS_URL=answering.url).stderr


async def test_ask_goes_on_over_a_lost_connection(tool):
    """What was published while nobody listened is read from the stream."""
    with tool.up(fake="mute"):
        process = Process("ask", tool.command("ask", "--request", "lost", "x"), tool.folder)
        process.environment = environment(NATS_URL=tool.url)
        connection = await nats.connect(tool.url)
        js = connection.jetstream()
        process.start()
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


async def published(js, stream, count=1):
    for _ in range(200):
        if (await js.stream_info(stream)).state.messages >= count:
            return
        await asyncio.sleep(0.02)
    raise TimeoutError(f"nothing was published to {stream}")


def test_ask_is_cancelled_by_an_interrupt(tool):
    with tool.up(fake="endless"):
        process = Process("ask", tool.command("ask", "x"), tool.folder)
        process.environment = environment(NATS_URL=tool.url)
        process.start()
        wait_until(lambda: process.tail().count("again") > 3, 10, "an answer")
        process.child.send_signal(signal.SIGINT)
        assert process.wait(10) == INTERRUPTED
        assert "cancelled" in process.tail()
        told = json.loads(tool.run("status", "--json", NATS_URL=tool.url).stdout)
        (control,) = [stream for stream in told["streams"] if stream["name"] == "CONTROL"]
        assert control["messages"] == 1


def test_a_second_interrupt_leaves_at_once(tool):
    with tool.up(fake="mute"):
        process = Process("ask", tool.command("ask", "x"), tool.folder)
        process.environment = environment(NATS_URL=tool.url)
        process.start()
        time.sleep(1)
        process.child.send_signal(signal.SIGINT)
        wait_until(lambda: "cancelling" in process.tail(), 5, "the cancel")
        process.child.send_signal(signal.SIGINT)
        assert process.wait(3) == INTERRUPTED


def test_an_interrupt_of_up_cancels_its_ask(tool):
    process = Process("up", tool.command(*tool.up_words("--ask", "x")), tool.folder)
    process.environment = environment(FAKE_ACTOR="endless")
    process.start()
    wait_until(lambda: process.tail().count("again") > 3, 15, "an answer")
    process.child.send_signal(signal.SIGINT)
    assert process.wait(15) == INTERRUPTED
    assert "cancelled" in process.tail() and tool.processes() == {}


# -- with the real actors ----------------------------------------------------------------------------------


@pytest.fixture
def real(tool):
    """The same tool, beside the real actors."""
    tool.bin = program("reprise").parent
    return tool


def real_up(tool, model, *words):
    return ["up", "--model", f"tiny={model}", "--data", tool.data, "--port", tool.port, "--nats-server", NATS_SERVER,
            *words]


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
    answers = [real.run(*real_up(real, tiny, "--ask", "Why is the sky blue?")).stdout for _ in range(2)]
    assert answers[0] and answers[0] == answers[1]
    assert own(real) == {}


async def test_what_a_real_tokenizer_left_is_answered(real, tiny, slow, server):
    """The model's file changes while requests wait; who asks afterwards is answered."""
    real.run("provision", "--model", f"tiny={tiny}", "--server", server.url)
    tokenizer = Actor("reprise-tokenizer", "before", server, {"tiny": tiny}, real.folder).start()
    async with Client.connected(server.url) as client:
        request = await client.publish({"prompt": "The sky is"}, "left-json")
        digits = await client.publish({"prompt": "The sky is"})
        await published(client.js, "EXEC", 2)
        assert tokenizer.stop() == OK
        words = ["up", "--model", f"tiny={slow}", "--data", str(real.data)]
        with real.up(*words, url=server.url):
            for waiting in (request, digits):
                answer, result = await client.answer_and_result(waiting)
                assert answer.finish_reason == "error" and answer.error["code"] == "unavailable"
                assert answer.error["field"] == "model"
                assert result["model"] == "tiny" and result["exec_sequence"] in (1, 2)
            done = await client.ask({"prompt": "The sky is", "max_tokens": 3, "temperature": 0})
            assert done.finish_reason == "length"
