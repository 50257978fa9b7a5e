"""Timers of a fold: each comes into the log at its time, once, whatever died, slept or was away meanwhile."""

import asyncio
import time

import pytest

from support.fixtures import running
from support.stack import Stack

from .alarms import PROGRAM, Alarms, start_replica

EARLIEST, LATEST = -0.05, 2.0  # seconds around the time asked for; the server's grain is 250 ms
REPLICAS = 2
LEASE_SECONDS = 5  # after the holder's death another one emits
MANY = 200         # it takes a while to put so many timers into the log


@pytest.fixture
def stack(tmp_path):
    if not PROGRAM.exists():
        pytest.skip("alarm_fold is built by presets with tests; release has none")
    yield from running(Stack(tmp_path, {}), Stack.start_server)


@pytest.fixture
async def alarms(stack):
    async with Alarms.connected(stack.url) as alarms:
        await alarms.make_log()
        for _ in range(REPLICAS):
            start_replica(stack)
        await alarms.states(REPLICAS)
        yield alarms


async def sleep_until(when):
    await asyncio.sleep(max(0, when - time.time()))


async def test_at_its_time_once(stack, alarms):
    began = time.time()
    wanted = {f"k{ms}": await alarms.set(f"k{ms}", in_ms=ms) for ms in (0, 1, 500, 1000, 2500)}
    came = await alarms.until_due(wanted, 10)
    for key in wanted:
        [(_, when)] = came[key]
        assert EARLIEST < when - began - int(key[1:]) / 1000 < LATEST, key
    await alarms.check_rang_once(wanted, REPLICAS)
    told = {record["sequence"]: record["timer"] for record in await alarms.outcomes("timer")}
    assert told.keys() == set(wanted.values())
    assert told[wanted["k500"]]["timer"] == "alarm.k500.timer" and told[wanted["k500"]]["target"] == "alarm.k500.due"


async def test_taken_back_it_never_comes_and_replaced_at_the_new_time_alone(stack, alarms):
    began = time.time()
    await alarms.set("never", in_ms=1000)
    await alarms.set("later", in_ms=1000)
    await alarms.set("sooner", in_ms=600_000)
    wanted = {"later": await alarms.set("later", in_ms=3000), "sooner": await alarms.set("sooner", in_ms=1500)}
    await alarms.set("never")
    await alarms.until_due(wanted, 10)
    await sleep_until(began + 4.5)
    await alarms.check_rang_once(wanted, REPLICAS)
    [(_, when)] = (await alarms.due())["later"]
    assert EARLIEST < when - began - 3 < LATEST


async def test_all_replicas_killed_in_between(stack, alarms):
    """Some fire while nobody lives, some afterwards."""
    dead, after = await alarms.set_many(40, in_ms=1500), {}
    for n in range(40):
        after[f"late{n}"] = await alarms.set(f"late{n}", in_ms=6000)
    await alarms.until_set([*dead.values(), *after.values()])
    for replica in stack.examples:
        replica.kill()
    await alarms.until_due(dead, 10)
    for replica in stack.examples:
        replica.start()
    await alarms.until_due(after, 15)
    await alarms.check_rang_once(dead | after, REPLICAS)


async def test_killed_while_timers_are_put(stack, alarms):
    """All of them, twice; who is started next takes over where they were."""
    began = time.time()
    wanted = await alarms.set_many(MANY, in_ms=1000 * (4 * LEASE_SECONDS))
    for _ in range(2):
        for replica in stack.examples:
            replica.kill()
        for replica in stack.examples:
            replica.start()
        await alarms.until_set(list(wanted.values())[:1])
    await alarms.until_set(wanted.values())
    assert time.time() < began + 4 * LEASE_SECONDS, "too slow to say anything"
    await alarms.until_due(wanted, 30)
    await alarms.check_rang_once(wanted, REPLICAS)


async def test_server_killed_in_between(stack, alarms):
    away = await alarms.set_many(40, in_ms=1000)
    after = {"late": await alarms.set("late", in_ms=5000)}
    await alarms.until_set([*away.values(), *after.values()])
    stack.server.kill()
    await asyncio.sleep(1.5)
    stack.server.start()
    await alarms.until_due(away | after, 20)
    await alarms.check_rang_once(away | after, REPLICAS)


@pytest.mark.parametrize("wakes_after", [LEASE_SECONDS + 2, LEASE_SECONDS + 7])
async def test_the_holder_slept_over_the_moment_of_emission(stack, alarms, wakes_after):
    """It stops while it puts timers, another one puts the rest, and it wakes before they fire, or afterwards."""
    in_ms = 1000 * (LEASE_SECONDS + 4)
    sleeper = next(replica for replica in stack.examples if replica.emits())
    wanted = await alarms.set_many(MANY, in_ms)
    sleeper.pause()
    began = time.time()
    assert len(await alarms.outcomes("timer")) < MANY, "it was not stopped in the midst"
    await sleep_until(began + wakes_after)
    sleeper.resume()
    await alarms.until_due(wanted, 20)
    await sleep_until(began + wakes_after + 2)
    await alarms.check_rang_once(wanted, REPLICAS)
