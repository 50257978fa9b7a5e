"""A lease between processes: one is stopped, killed, cut off, the server goes away. No two hold it at a time by what
they were told, and tokens rise."""

import asyncio
import contextlib
import json
import signal
import time

import pytest

from .probe import PROGRAM, Probe

TTL = 2


@pytest.fixture
async def bucket(js):
    await js._nc.request("$JS.API.STREAM.CREATE.KV_LEASES", json.dumps({
        "name": "KV_LEASES", "subjects": ["$KV.LEASES.>"], "storage": "file", "max_msgs_per_subject": 1,
        "discard": "new", "allow_direct": True, "allow_rollup_hdrs": True, "deny_delete": True,
        "allow_msg_ttl": True}).encode())


@pytest.fixture
def three(nats_server, tmp_path, bucket):
    if not PROGRAM.exists():
        pytest.skip("store_probe is built by presets with tests; release has none")
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(Probe(nats_server.url, tmp_path, f"p{i}")) for i in range(3)]
        for probe in probes:
            probe.tell("lease", "l", "LEASES", "job", TTL)
        yield probes


def holder(probes, seconds=20, beyond=0):
    """Who was told last that it holds the lease, with a token above `beyond`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        taken = [(event["number"], probe) for probe in probes for event in probe.of("l", "taken")]
        if taken and max(taken, key=lambda pair: pair[0])[0] > beyond:
            return max(taken, key=lambda pair: pair[0])
        time.sleep(0.01)
    raise TimeoutError(f"nobody took it: {[probe.events for probe in probes]}")


def check(probes, excused=()):
    """By what they were told: intervals of holding do not overlap, tokens rise. The intervals of a process that was
    stopped end where its own clock ended them, which its token tells, and are left out."""
    spans = []
    for probe in probes:
        begun = None
        for event in probe.of("l", "taken", "lost", "released"):
            if event["event"] == "taken":
                begun = event
            elif begun:
                spans.append((begun["at_ns"], event["at_ns"], begun["number"], probe))
                begun = None
        if begun:
            spans.append((begun["at_ns"], float("inf"), begun["number"], probe))
    spans.sort(key=lambda span: span[2])
    assert len({span[2] for span in spans}) == len(spans), "a token twice"
    assert [span[0] for span in spans] == sorted(span[0] for span in spans), "tokens rise in time"
    ours = [span for span in spans if span[3] not in excused]
    for before, after in zip(ours, ours[1:]):
        assert before[1] <= after[0], (before, after)


async def test_one_of_three_holds_it_and_goes_on(three):
    token, first = holder(three)
    await asyncio.sleep(3 * TTL)
    assert [len(probe.of("l", "taken")) for probe in three] == [int(probe is first) for probe in three]
    first.tell("token", "l")
    assert first.until("l", "token")["number"] == token
    check(three)


async def test_a_stopped_holder_finds_out_before_it_does_anything(three):
    token, first = holder(three)
    first.child.send_signal(signal.SIGSTOP)
    first.tell("token", "l")  # the first thing that it sees when it goes on
    second_token, second = holder(three, beyond=token)
    assert second is not first
    first.child.send_signal(signal.SIGCONT)
    assert first.until("l", "token")["number"] == 0
    first.until("l", "lost")
    await asyncio.sleep(TTL)
    second.tell("token", "l")
    assert second.until("l", "token")["number"] == second_token
    check(three, excused=[first])


async def test_a_killed_holder_is_followed_by_another(three):
    token, first = holder(three)
    first.child.kill()
    killed = time.monotonic()
    _, second = holder(three, beyond=token)
    assert second is not first
    assert time.monotonic() - killed < TTL + 2
    check(three, excused=[first])


async def test_a_release_is_taken_up_at_once(three):
    token, first = holder(three)
    await asyncio.sleep(0.5)  # the others watch by now
    first.tell("release", "l")
    released = first.until("l", "released")["at_ns"]
    _, second = holder(three, beyond=token)
    assert (second.of("l", "taken")[0]["at_ns"] - released) / 1e9 < 1
    check(three)


async def test_a_server_that_is_away_longer_than_the_lease_lives(three, nats_server):
    token, first = holder(three)
    nats_server.kill()
    lost = first.until("l", "lost")
    assert lost["why"] == "it could not be renewed in time"
    await asyncio.sleep(1)
    nats_server.start()
    again, _ = holder(three, beyond=token)
    assert again > token
    check(three)


async def test_many_handovers(three):
    """Again and again the one that holds it is stopped, until another has it."""
    token, who = holder(three)
    for _ in range(6):
        who.child.send_signal(signal.SIGSTOP)
        losses = len(who.of("l", "lost"))
        token, other = holder(three, beyond=token)
        assert other is not who
        who.child.send_signal(signal.SIGCONT)
        who.until("l", "lost", losses + 1)
        await asyncio.sleep(0.2)
        who = other
    check(three, excused=three)
