"""Objects, both ways: what nats-py puts ours gets, and the other way; corrupted ones, servers that go away, writers
that die."""

import hashlib
import json
import os
import time

import pytest
from nats.js.api import ObjectStoreConfig
from nats.js.errors import ObjectNotFoundError

SIZES = [0, 1, 1000, 128 << 10, (256 << 10) - 1, 256 << 10, (256 << 10) + 1, 3_000_000]


@pytest.fixture
async def bucket(js):
    return await js.create_object_store("B", ObjectStoreConfig())


def content(size, seed=0):
    return hashlib.shake_128(f"{seed}".encode()).digest(size)


def file_of(folder, data, name="in"):
    path = folder / name
    path.write_bytes(data)
    return path


def stored(probe, name, path, digest="-"):
    return probe.ask("store", "B", name, path, digest)


def fetched(probe, name, path):
    return probe.ask("fetch", "B", name, path)


@pytest.mark.parametrize("size", SIZES)
async def test_both_ways(bucket, probe, tmp_path, size):
    data = content(size)
    assert stored(probe, "ours", file_of(tmp_path, data))["status"] == "ok"
    result = await bucket.get("ours")
    assert result.data == data and result.info.size == size
    await bucket.put("theirs", data)
    assert fetched(probe, "theirs", tmp_path / "out")["status"] == "ok"
    assert (tmp_path / "out").read_bytes() == data
    assert fetched(probe, "ours", tmp_path / "out")["status"] == "ok"
    assert (tmp_path / "out").read_bytes() == data


async def test_names_of_all_kinds(bucket, probe, tmp_path):
    path = file_of(tmp_path, b"x")
    for name in ("a.b/c", "größe", "name?*>", "n" * 200):
        assert stored(probe, name, path)["status"] == "ok"
        assert (await bucket.get(name)).data == b"x"
        await bucket.put(name, b"theirs")
        assert fetched(probe, name, tmp_path / "out")["status"] == "ok"
        assert (tmp_path / "out").read_bytes() == b"theirs"


async def test_replacing_and_deleting_each_others(bucket, probe, tmp_path, js):
    await bucket.put("a", content(300_000, 1))
    assert stored(probe, "a", file_of(tmp_path, content(300_000, 2)))["status"] == "ok"
    assert (await bucket.get("a")).data == content(300_000, 2)
    await bucket.put("a", content(300_000, 3))
    assert fetched(probe, "a", tmp_path / "out")["status"] == "ok"
    assert (tmp_path / "out").read_bytes() == content(300_000, 3)
    assert probe.ask("stat", "B", "a")["number"] == 300_000
    assert probe.told_until_end("objects", "B") == [("info", "a", 300_000)]
    assert [info.name for info in await bucket.list()] == ["a"]
    assert probe.ask("delete", "B", "a")["status"] == "ok"
    with pytest.raises(ObjectNotFoundError):
        await bucket.get("a")
    assert (await js.stream_info("OBJ_B")).state.messages == 1  # what says that it is deleted
    await bucket.put("b", b"x")
    await bucket.delete("b")
    assert fetched(probe, "b", tmp_path / "out")["status"] == "not_found"
    assert probe.told_until_end("objects", "B") == []


async def test_a_corrupted_one_is_refused(bucket, probe, tmp_path, js):
    info = await bucket.put("a", content(300_000))
    message = await js.get_last_msg("OBJ_B", f"$O.B.C.{info.nuid}")
    await js.delete_msg("OBJ_B", message.seq)
    refused = fetched(probe, "a", tmp_path / "out")
    assert refused["status"] == "corrupt" and "missing" in refused["why"]
    await js.publish(f"$O.B.C.{info.nuid}", bytes(len(message.data)))
    refused = fetched(probe, "a", tmp_path / "out")
    assert refused["status"] == "corrupt" and "SHA-256" in refused["why"]


async def test_content_is_written_once(bucket, probe, tmp_path, js):
    data = content(2_000_000)
    digest = hashlib.sha256(data).hexdigest()
    assert stored(probe, digest, file_of(tmp_path, data), digest)["status"] == "ok"
    messages = (await js.stream_info("OBJ_B")).state.messages
    assert stored(probe, digest, file_of(tmp_path, data), digest)["status"] == "ok"
    assert (await js.stream_info("OBJ_B")).state.messages == messages
    assert (await bucket.get(digest)).data == data
    refused = stored(probe, "liar", file_of(tmp_path, b"other"), digest)
    assert refused["status"] == "corrupt"


async def test_a_put_goes_on_after_the_server_was_away(bucket, probe, tmp_path, nats_server, js):
    data = content(40 << 20)
    probe.tell("store", "s", "B", "large", file_of(tmp_path, data), "-")
    while (await js.stream_info("OBJ_B")).state.messages < 20:
        time.sleep(0.005)
    nats_server.kill()
    nats_server.start()
    assert probe.until("s", "stored", seconds=60)["status"] == "ok"
    assert fetched(probe, "large", tmp_path / "out")["status"] == "ok"
    assert (tmp_path / "out").read_bytes() == data


async def test_what_a_killed_writer_left_is_gone_on_from(bucket, probe, tmp_path, nats_server, js):
    from .probe import Probe
    data = content(60 << 20)
    digest = hashlib.sha256(data).hexdigest()
    path = file_of(tmp_path, data)
    with Probe(nats_server.url, tmp_path, "victim") as victim:
        victim.tell("store", "s", "B", digest, path, digest)
        while (await js.stream_info("OBJ_B")).state.messages < 20:
            time.sleep(0.002)
        victim.child.kill()
    left = (await js.stream_info("OBJ_B")).state.messages
    assert 20 <= left < 240, left
    assert stored(probe, digest, path, digest)["status"] == "ok"
    assert (await js.stream_info("OBJ_B")).state.last_seq == 241, "240 chunks and the name, none of them twice"
    assert (await bucket.get(digest)).data == data


async def test_two_writers_of_one_content_share_the_work(bucket, probe, tmp_path, nats_server, js):
    from .probe import Probe
    data = content(20 << 20)
    digest = hashlib.sha256(data).hexdigest()
    path = file_of(tmp_path, data)
    with Probe(nats_server.url, tmp_path, "other") as other:
        other.tell("store", "s", "B", digest, path, digest)
        probe.tell("store", "s", "B", digest, path, digest)
        assert other.until("s", "stored")["status"] == probe.until("s", "stored")["status"] == "ok"
    assert (await js.stream_info("OBJ_B")).state.messages == 81
    assert (await bucket.get(digest)).data == data


async def test_throughput(bucket, probe, tmp_path):
    """Never fails because of a time; prints what was measured."""
    data = os.urandom(64 << 20)
    put = stored(probe, "large", file_of(tmp_path, data))
    got = fetched(probe, "large", tmp_path / "out")
    assert put["status"] == got["status"] == "ok"
    assert (tmp_path / "out").read_bytes() == data
    print(json.dumps({"put_mb_s": round(len(data) / put["number"]), "get_mb_s": round(len(data) / got["number"])}))
