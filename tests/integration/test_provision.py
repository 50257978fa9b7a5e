"""`reprise provision` against a real server: from nothing, again, after changes by hand, by two at once."""

import asyncio
import json
import subprocess

import nats
import pytest
from nats.js.api import ConsumerConfig, StreamConfig
from nats.js.errors import NotFoundError
from support.paths import program

STREAMS = {"REQUEST", "EXEC", "REPLY", "RESULT", "STEP", "CONTROL", "DEAD", "EXAMPLE", "TIMER",
           "COUNTER", "OUTCOME", "KV_ACTORS", "KV_LEASES", "OBJ_SNAPSHOTS", "OBJ_BLOBS"}
SECOND = 10**9


@pytest.fixture
async def connection(nats_server):
    connection = await nats.connect(nats_server.url)
    yield connection
    await connection.close()


def command(server, *words):
    return [str(program("reprise")), "provision", "--server", server.url, *words]


def provision(server, *words, status=0):
    done = subprocess.run(command(server, *words), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def diff(server, *words):
    """What there is to do, by (stream, durable)."""
    report = json.loads(provision(server, "--dry-run", "--json", *words).stdout)
    return {(change["stream"], change["name"]): change for change in report["changes"]
            if change["action"] != "unchanged"}


async def api(connection, operation, body=None):
    reply = await connection.request(f"$JS.API.{operation}", json.dumps(body).encode() if body else b"", timeout=5)
    return json.loads(reply.data)


async def config(connection, stream):
    return (await api(connection, f"STREAM.INFO.{stream}"))["config"]


async def update(connection, stream, **fields):
    answer = await api(connection, f"STREAM.UPDATE.{stream}", {**await config(connection, stream), **fields})
    assert "error" not in answer, answer


async def names(connection):
    return {stream["config"]["name"] for stream in (await api(connection, "STREAM.LIST"))["streams"]}


async def test_from_nothing(nats_server, connection):
    assert set(diff(nats_server)) >= {(name, None) for name in STREAMS}
    assert await names(connection) == set(), "--dry-run must do nothing"
    done = provision(nats_server, "--model", "gemma3@4b1c22d0a9ef")
    assert "create   stream REPLY" in done.stdout
    assert await names(connection) == STREAMS
    assert diff(nats_server, "--model", "gemma3@4b1c22d0a9ef") == {}


async def test_streams_are_as_designed(nats_server, connection):
    provision(nats_server)
    request, reply = await config(connection, "REQUEST"), await config(connection, "REPLY")
    assert request["subjects"] == ["infer.*.*", "embed.*.*"]
    assert request["discard"] == "new" and request["duplicate_window"] == SECOND // 10
    assert reply["subject_transform"] == {"src": "put.reply.>", "dest": "reply.>"}
    assert reply["max_age"] == 3600 * SECOND
    for name in STREAMS:
        stream = await config(connection, name)
        assert stream["storage"] == "file" and stream["max_bytes"] > 0 and stream["allow_direct"], name


async def test_durables_are_as_designed(nats_server, connection):
    provision(nats_server, "--model", "v1.2/x@a b", "--lanes", "2")
    for stream, name, filters in [
            ("REQUEST", "tokenizer", {"infer.*.*", "embed.*.*"}), ("EXAMPLE", "example", {"example.text.>"}),
            ("EXAMPLE", "reminder", {"example.remind.*"}), ("TIMER", "reminder", {"timer.reminder.*.due"}),
            ("EXEC", "executor-v1=2E2=2Fx-a=20b-normal-0", {"exec.v1=2E2=2Fx.a=20b.normal-0"}),
            ("EXEC", "executor-v1=2E2=2Fx-a=20b-normal-1", {"exec.v1=2E2=2Fx.a=20b.normal-1"})]:
        durable = (await api(connection, f"CONSUMER.INFO.{stream}.{name}"))["config"]
        assert set(durable.get("filter_subjects") or [durable["filter_subject"]]) == filters
        assert durable["ack_policy"] == "explicit" and durable["ack_wait"] == 5 * SECOND
        assert durable["max_deliver"] == -1 and durable["max_ack_pending"] == -1


async def test_replies_are_stored_then_republished(nats_server, connection):
    provision(nats_server)
    heard = await connection.subscribe("reply.acme.r1")
    await connection.flush()
    js = connection.jetstream()
    expect = {"Nats-Expected-Last-Subject-Sequence": "0"}
    await js.publish("put.reply.acme.r1", b"first", headers=expect)
    with pytest.raises(nats.js.errors.APIError):
        await js.publish("put.reply.acme.r1", b"refused", headers=expect)
    message = await heard.next_msg(timeout=2)
    assert message.data == b"first" and message.headers["Nats-Last-Sequence"] == "0"
    with pytest.raises(nats.errors.TimeoutError):
        await heard.next_msg(timeout=0.3)


async def test_stock_clients_use_bucket_and_object_store(nats_server, connection):
    provision(nats_server)
    js = connection.jetstream()
    bucket = await js.key_value("ACTORS")
    first = await bucket.put("tokenizer.a", b"1")
    assert await bucket.update("tokenizer.a", b"2", last=first) > first
    assert (await bucket.get("tokenizer.a")).value == b"2"
    await js.publish("$KV.ACTORS.tokenizer.b", b"short", headers={"Nats-TTL": "1s"})
    await asyncio.sleep(1.6)
    with pytest.raises(NotFoundError):
        await bucket.get("tokenizer.b")
    store = await js.object_store("BLOBS")
    await store.put("body", b"x" * 300_000)
    assert (await store.get("body")).data == b"x" * 300_000


async def test_changed_by_hand_is_corrected(nats_server, connection):
    provision(nats_server)
    await update(connection, "REQUEST", description="mine", allow_direct=False, metadata={"team": "search"})
    await connection.jetstream().add_consumer(
        "REQUEST", ConsumerConfig(durable_name="tokenizer", ack_wait=60, ack_policy="explicit", max_ack_pending=-1,
                                  filter_subjects=["infer.*.*", "embed.*.*"], description="mine"))
    changes = diff(nats_server)
    assert set(changes) == {("REQUEST", None), ("REQUEST", "tokenizer")}
    assert {f["field"]: f["have"] for f in changes["REQUEST", None]["fields"]} == {
        "description": "mine", "allow_direct": False}
    assert {f["field"] for f in changes["REQUEST", "tokenizer"]["fields"]} == {"description", "ack_wait"}
    provision(nats_server)
    assert diff(nats_server) == {}
    assert (await config(connection, "REQUEST"))["metadata"]["team"] == "search", "what others added must stay"


async def test_given_sizes_stay_when_not_given_again(nats_server, connection):
    provision(nats_server, "--max-bytes", "20GiB")
    large = (await config(connection, "REPLY"))["max_bytes"]
    assert large > 2**30
    assert diff(nats_server) == {}
    provision(nats_server)
    assert (await config(connection, "REPLY"))["max_bytes"] == large
    assert diff(nats_server, "--max-bytes", "1GiB")["REPLY", None]["action"] == "update"


async def test_tightening_over_data_needs_permission(nats_server, connection):
    provision(nats_server)
    await update(connection, "REPLY", max_age=0)
    await connection.jetstream().publish("put.reply.acme.r1", b"kept")
    change = diff(nats_server)["REPLY", None]
    assert change["action"] == "update" and change["destroys"]
    before = await config(connection, "REPLY")
    refused = provision(nats_server, status=1)
    assert "--allow-destroy" in refused.stderr and "REPLY" in refused.stderr
    assert await config(connection, "REPLY") == before
    provision(nats_server, "--allow-destroy")
    assert diff(nats_server) == {}


async def test_what_cannot_change_is_refused_then_made_anew(nats_server, connection):
    js = connection.jetstream()
    await js.add_stream(StreamConfig(name="STEP", subjects=["step.*"], storage="memory"))
    await js.publish("step.a", b"1")
    change = diff(nats_server)["STEP", None]
    assert change["action"] == "recreate" and change["destroys"]
    refused = provision(nats_server, status=1)
    assert "nothing was changed" in refused.stderr
    assert await names(connection) == {"STEP"}, "nothing at all is done"
    provision(nats_server, "--allow-destroy")
    assert await names(connection) == STREAMS
    assert (await config(connection, "STEP"))["storage"] == "file"


async def test_a_durable_for_another_subject_is_not_taken_over(nats_server, connection):
    """The names of a-b@c and a@b-c are the same; their work is not."""
    provision(nats_server, "--model", "a-b@c")
    refused = provision(nats_server, "--model", "a@b-c", status=1)
    assert "executor-a-b-c-normal-0" in refused.stderr
    both = provision(nats_server, "--model", "a-b@c", "--model", "a@b-c", status=1)
    assert "rename one" in both.stderr


async def test_others_things_are_left_alone(nats_server, connection):
    js = connection.jetstream()
    await js.add_stream(StreamConfig(name="THEIRS", subjects=["theirs.>"]))
    provision(nats_server)
    await js.add_consumer("EXEC", ConsumerConfig(durable_name="executor-old-1-normal-0", filter_subject="exec.old.1.*"))
    provision(nats_server, "--allow-destroy")
    assert await names(connection) == STREAMS | {"THEIRS"}
    assert "error" not in await api(connection, "CONSUMER.INFO.EXEC.executor-old-1-normal-0")


@pytest.mark.parametrize("hands", [2, 6])
async def test_several_at_once(nats_server, hands):
    words = ["--model", "gemma3@4b1c22d0a9ef", "--lanes", "8"]
    running = [subprocess.Popen(command(nats_server, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                stdin=subprocess.DEVNULL) for _ in range(hands)]
    for process in running:
        output = process.communicate(timeout=60)
        assert process.returncode == 0, output
    assert diff(nats_server, *words) == {}


async def test_a_full_disk_limit_is_told(nats_server, connection):
    done = provision(nats_server, "--max-bytes", "1000TiB", status=1)
    assert "storage" in done.stderr.lower(), done.stderr


def test_mistakes(nats_server, tmp_path):
    text = tmp_path / "text.gguf"
    text.write_text("no model")
    for words, expected in [(["--model", "x"], "NAME=FILE"), (["--model", "=a"], "NAME=FILE"),
                            (["--model", f"x={text}"], "no GGUF file"), (["--model", "x=/nowhere"], "No such file"),
                            (["--model", "a@1", "--model", "a@2"], "twice"), (["--max-bytes", "1"], "--max-bytes"),
                            (["--lanes", "17"], "--lanes"), (["--nonsense"], "--nonsense"), (["word"], "word")]:
        done = provision(nats_server, *words, status=2)
        assert expected in done.stderr, done.stderr
    error = json.loads(provision(nats_server, "--json", "--model", "x", status=2).stderr)["error"]
    assert error["code"] == "invalid" and error["field"] == "model"
