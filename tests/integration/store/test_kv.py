"""Buckets, both ways: what nats-py writes ours reads, and the other way; expiry and markers as the server makes them."""

import asyncio
import json

import pytest
from nats.js.api import KeyValueConfig
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError


@pytest.fixture
async def bucket(js):
    return await js.create_key_value(KeyValueConfig(bucket="B", history=5, direct=True))


async def create_bucket(js, name, **config):
    """With what nats-py's own configuration does not have."""
    await js._nc.request(f"$JS.API.STREAM.CREATE.KV_{name}", json.dumps({
        "name": f"KV_{name}", "subjects": [f"$KV.{name}.>"], "storage": "file", "max_msgs_per_subject": 1,
        "discard": "new", "allow_direct": True, "allow_rollup_hdrs": True, "deny_delete": True,
        "allow_msg_ttl": True, **config}).encode())


async def test_what_a_client_writes_is_read(bucket, probe):
    revision = await bucket.put("a.b", b"one")
    got = probe.ask("get", "B", "a.b")
    assert (got["event"], got["text"], got["number"]) == ("put", "a.b=one", revision)
    await bucket.delete("a.b")
    got = probe.ask("get", "B", "a.b")
    assert (got["event"], got["status"], got["number"]) == ("delete", "not_found", revision + 1)
    await bucket.purge("a.b")
    assert probe.ask("get", "B", "a.b")["event"] == "purge"
    assert probe.ask("get", "B", "nobody")["event"] == "nothing"


async def test_what_is_written_a_client_reads(bucket, probe):
    assert probe.ask("put", "B", "k", "one", 0)["status"] == "ok"
    entry = await bucket.get("k")
    assert (entry.value, entry.revision) == (b"one", 1)
    assert probe.ask("update", "B", "k", "two", 0, 1)["number"] == 2
    assert (await bucket.get("k")).value == b"two"
    assert [e.value for e in await bucket.history("k")] == [b"one", b"two"]
    assert probe.ask("remove", "B", "k", 2)["status"] == "ok"
    with pytest.raises(KeyNotFoundError):
        await bucket.get("k")
    assert await bucket.create("k", b"three") == 4
    assert probe.ask("purge", "B", "k", 0)["status"] == "ok"
    with pytest.raises(KeyNotFoundError):
        await bucket.get("k")
    assert (await bucket.status()).values == 1  # the purge alone is left


async def test_compare_and_set_between_the_two(bucket, probe):
    assert probe.ask("create", "B", "k", "ours", 0)["number"] == 1
    with pytest.raises(KeyWrongLastSequenceError):
        await bucket.create("k", b"theirs")
    assert await bucket.update("k", b"theirs", last=1) == 2
    refused = probe.ask("update", "B", "k", "ours", 0, 1)
    assert (refused["status"], refused["number"]) == ("conflict", 2)
    refused = probe.ask("create", "B", "k", "ours", 0)
    assert (refused["status"], refused["number"]) == ("exists", 2)
    await bucket.delete("k")
    assert probe.ask("create", "B", "k", "ours", 0)["number"] == 4


async def test_watching_each_other(bucket, probe):
    await bucket.put("a.x", b"1")
    await bucket.put("b.x", b"2")
    probe.tell("watch", "w", "B", "a.>")
    probe.until("w", "caught_up")
    watcher = await bucket.watchall()
    await bucket.put("a.y", b"3")
    await bucket.delete("a.x")
    probe.until("w", "delete")
    assert [(e["event"], e["text"], e["number"]) for e in probe.of("w")] == [
        ("put", "a.x=1", 1), ("caught_up", "", 0), ("put", "a.y=3", 3), ("delete", "a.x=", 4)]
    probe.ask("put", "B", "b.y", "4", 0)
    seen = []
    while not seen or seen[-1] != ("b.y", b"4"):
        entry = await watcher.updates(timeout=5)
        seen += [(entry.key, entry.value)] if entry else []
    await watcher.stop()


async def test_a_watcher_lives_through_a_restart_of_the_server(bucket, probe, nats_server, js):
    probe.tell("watch", "w", "B", ">")
    probe.until("w", "caught_up")
    probe.ask("put", "B", "k", "1", 0)
    nats_server.stop()
    nats_server.start()
    assert probe.ask("put", "B", "k", "2", 0)["number"] == 2
    probe.until("w", "put", 2)
    assert [e["number"] for e in probe.of("w", "put")] == [1, 2]


async def test_keys_and_history(bucket, probe):
    for key, value in (("a", b"1"), ("b", b"2"), ("a", b"3")):
        await bucket.put(key, value)
    await bucket.delete("b")
    assert probe.told_until_end("list", "B", ">") == [("put", "a=3", 3)]
    assert probe.told_until_end("history", "B", ">") == [
        ("put", "a=1", 1), ("put", "b=2", 2), ("put", "a=3", 3), ("delete", "b=", 4)]
    assert sorted(await bucket.keys()) == ["a"]
    await bucket.purge("a"), await bucket.purge("b")
    assert probe.told_until_end("list", "B", ">") == []


async def test_what_has_a_time_to_live_goes_without_a_trace(js, probe):
    await create_bucket(js, "T")
    assert probe.ask("put", "T", "k", "v", 1)["status"] == "ok"
    bucket = await js.key_value("T")
    assert (await bucket.get("k")).value == b"v"
    probe.tell("watch", "w", "T", ">")
    await asyncio.sleep(1.6)
    assert probe.ask("get", "T", "k")["event"] == "nothing"
    assert probe.ask("create", "T", "k", "again", 0)["number"] == 2
    probe.until("w", "put", 2)
    assert [e["event"] for e in probe.of("w")] == ["put", "caught_up", "put"]


async def test_what_expires_in_a_bucket_with_markers_leaves_one(js, probe):
    await create_bucket(js, "M", subject_delete_marker_ttl=60_000_000_000)
    assert probe.ask("put", "M", "k", "v", 1)["status"] == "ok"
    probe.tell("watch", "w", "M", ">")
    probe.until("w", "purge")
    got = probe.ask("get", "M", "k")
    assert (got["event"], got["status"], got["number"]) == ("purge", "not_found", 2)
    assert probe.ask("create", "M", "k", "again", 0)["number"] == 3
