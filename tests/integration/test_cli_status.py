"""`reprise status` and `reprise model list`."""

import asyncio
import json
import signal

import nats
from support.process import wait_until
from support.tool import OK, UNREACHABLE, USAGE


def test_status_of_an_empty_server(tool, nats_server):
    assert "reprise provision" in tool.run("status", "--server", nats_server.url).stdout
    tool.run("provision", "--server", nats_server.url, "--model", "tiny@1")
    text = tool.run("status", "--server", nats_server.url).stdout
    assert "executor-tiny-1-normal-0" in text and "no tokenizer and no executor" in text
    told = json.loads(tool.run("status", "--json", "--server", nats_server.url).stdout)
    assert told["ready"] is False and told["streams_missing"] == 0 and told["actors"] == []
    assert [stream["name"] for stream in told["streams"]][:3] == ["REQUEST", "EXEC", "REPLY"]
    assert {durable["name"] for durable in told["durables"]} >= {"tokenizer", "example", "executor-tiny-1-normal-0"}


async def test_status_counts_what_waits(tool, nats_server):
    tool.run("provision", "--server", nats_server.url, "--model", "tiny@1")
    connection = await nats.connect(nats_server.url)
    js = connection.jetstream()
    for _ in range(3):
        await js.publish("infer.acme.tiny", b"{}")
    pull = await js.pull_subscribe_bind("tokenizer", "REQUEST")
    await pull.fetch(1, timeout=2)
    told = json.loads(tool.run("status", "--json", "--server", nats_server.url).stdout)
    (tokenizer,) = [durable for durable in told["durables"] if durable["name"] == "tokenizer"]
    assert tokenizer["pending"] == 2 and tokenizer["unacknowledged"] == 1
    (request,) = [stream for stream in told["streams"] if stream["name"] == "REQUEST"]
    assert request["messages"] == 3 and request["bytes"] > 0
    await connection.close()


async def test_a_record_that_is_not_renewed_is_gone(tool, nats_server):
    tool.run("provision", "--server", nats_server.url)
    connection = await nats.connect(nats_server.url)
    bucket = await connection.jetstream().key_value("ACTORS")
    record = {"kind": "executor", "instance": "a", "build": "b", "ready": True,
              "models": [{"name": "old", "version": "1"}]}
    await bucket.put("executor.a", json.dumps(record).encode())
    await bucket.put("executor.broken", b"{")
    listed = json.loads(tool.run("model", "list", "--json", "--server", nats_server.url).stdout)
    assert [model["name"] for model in listed["models"]] == ["old"]
    await asyncio.sleep(5.2)
    told = json.loads(tool.run("status", "--json", "--server", nats_server.url).stdout)
    assert [(actor["instance"], actor["alive"]) for actor in told["actors"]] == [("a", False)]
    assert json.loads(tool.run("model", "list", "--json", "--server", nats_server.url).stdout) == {"models": []}
    await connection.close()


def begin_to_watch(tool, server, *words):
    return tool.begin("status", "--watch", "--every", "200ms", *words, NATS_URL=server.url)


def test_watch_goes_on_until_it_is_interrupted(tool, nats_server):
    tool.run("provision", "--server", nats_server.url)
    watch = begin_to_watch(tool, nats_server)
    looks = watch.tail
    wait_until(lambda: looks().count("not ready: no tokenizer") >= 3, 10, "three looks")
    assert looks().count("\033[H\033[2J") >= 3, "each from the top of a clear screen"
    tool.run("provision", "--model", "tiny@1", "--server", nats_server.url)
    wait_until(lambda: "executor-tiny-1-normal-0" in looks(), 10, "what has changed")
    watch.child.send_signal(signal.SIGINT)
    assert watch.wait(5) == OK


def test_watch_as_json_is_an_object_a_line(tool, nats_server):
    tool.run("provision", "--server", nats_server.url)
    watch = begin_to_watch(tool, nats_server, "--json")
    wait_until(lambda: watch.log.read_text().count("\n") >= 3, 10, "three looks")
    watch.child.send_signal(signal.SIGTERM)
    assert watch.wait(5) == OK
    for line in watch.log.read_text().splitlines():
        assert json.loads(line)["streams_missing"] == 0


def test_watch_outlives_a_server(tool, nats_server):
    tool.run("provision", "--server", nats_server.url)
    watch = begin_to_watch(tool, nats_server)
    wait_until(lambda: "not ready" in watch.tail(), 10, "a look")
    nats_server.kill()
    wait_until(lambda: "reprise: " in watch.tail(), 20, "word of the server's absence")
    assert watch.running
    nats_server.start()
    before = watch.tail().count("not ready")
    wait_until(lambda: watch.tail().count("not ready") > before, 20, "a look at the server again")
    assert watch.stop() == OK


def test_watch_needs_a_server_to_begin_with(tool, nats_server):
    nats_server.kill()
    assert nats_server.url in tool.run("status", "--watch", "--server", nats_server.url, status=UNREACHABLE).stderr
    assert "200ms" in tool.run("status", "--watch", "--every", "10ms", status=USAGE).stderr


def test_model_list_for_people(tool, nats_server):
    tool.run("provision", "--server", nats_server.url)
    assert "no model is alive" in tool.run("model", "list", "--server", nats_server.url).stdout
