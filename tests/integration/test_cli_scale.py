"""`reprise scale`: more processes of a running `reprise up`, or fewer, and what becomes of the work."""

import json
import signal

import nats
import pytest
from support.process import wait_until
from support.tool import FAILED, INTERRUPTED, OK, USAGE


def scale(tool, *words, **more):
    return tool.run("scale", *words, **{"NATS_URL": tool.url, **more})


def names(tool):
    """Of the processes that the only `up` looks after, with their states."""
    (up,) = json.loads(tool.run("status", "--json", NATS_URL=tool.url).stdout)["ups"]
    return {process["name"]: process["state"] for process in up["processes"]}


def test_more_and_fewer(tool):
    with tool.up() as up:
        more = scale(tool, "executor", 3)
        assert "executor of tiny from 1 to 3; starting executor-2, executor-3" in more.stderr
        assert "executor-3: ready after" in more.stderr and more.stdout == "3 executors of tiny ready\n"
        assert set(names(tool).values()) == {"ready"} and len(names(tool)) == 5
        assert "ready: 1 tokenizer, 3 executors" in tool.run("status", NATS_URL=tool.url).stdout
        same = scale(tool, "executor", 3, "--model", "tiny")
        assert "from 3 to 3\n" in same.stderr and len(names(tool)) == 5
        fewer = scale(tool, "executor", 1)
        assert "draining executor-3, executor-2" in fewer.stderr and "executor-2: drained after" in fewer.stderr
        assert names(tool) == {"executor-1": "ready", "tokenizer-1": "ready", "janitor-1": "ready"}
        told = json.loads(scale(tool, "tokenizer", 2, "--json").stdout)
        assert told["up"].startswith("up-") and told["starts"] == ["tokenizer-2"] and told["drains"] == []
        assert (told["kind"], told["from"], told["count"], told["ready"]) == ("tokenizer", 1, 2, True)
        assert "executor: from 1 to 3 of tiny; starting executor-2, executor-3" in up.tail()
        assert "executor-2: drained in" in up.tail()
        assert up.stop() == OK
        assert tool.processes() == {}


def test_to_none_and_back(tool):
    """Who asks meanwhile waits, and is answered."""
    with tool.up():
        none = scale(tool, "tokenizer", 0)
        assert "requests wait in REQUEST, unanswered" in none.stderr and none.stdout == "no tokenizer runs any more\n"
        wait_until(lambda: "no tokenizer" in tool.run("status", NATS_URL=tool.url).stdout, 10, "it to be seen")
        asking = tool.begin("ask", "--wait", "-m", "tiny", "one two", NATS_URL=tool.url)
        scale(tool, "tokenizer", 1)
        assert asking.wait(20) == OK and "You said: one two" in asking.tail()
        told = json.loads(scale(tool, "executor", 0, "--json").stdout)
        assert "up to 256 requests wait in EXEC" in told["follows"] and told["drains"] == ["executor-1"]
        assert "follows" not in json.loads(scale(tool, "executor", 1, "--json").stdout)
        assert "REQUEST and EXEC fill up" in scale(tool, "janitor", 0).stderr
        assert scale(tool, "janitor", 1).stdout == "1 janitor ready\n"


def test_status_shows_what_comes_and_goes(tool):
    with tool.up(FAKE_ACTOR="linger"):
        assert "ordered" in scale(tool, "executor", 2, "--no-wait").stdout
        assert names(tool)["executor-2"] == "starting"
        assert "being started" in tool.run("status", NATS_URL=tool.url).stdout
        assert scale(tool, "executor", 2).stdout == "2 executors of tiny ready\n", "it waits for those, too"
        assert names(tool)["executor-2"] == "ready"
        assert "from 2 to 1; draining executor-2" in scale(tool, "executor", 1, "--no-wait").stderr
        assert names(tool)["executor-2"] == "draining"
        assert "being drained" in tool.run("status", NATS_URL=tool.url).stdout
        assert scale(tool, "executor", 2).stdout == "2 executors of tiny ready\n"
        wait_until(lambda: "draining" not in names(tool).values(), 10, "the drained one to go")


def test_interrupted_or_too_late_it_still_happens(tool):
    with tool.up(FAKE_ACTOR="linger"):
        scale(tool, "executor", 2)
        late = scale(tool, "executor", 1, "--timeout", "1s", status=FAILED)
        assert "executor-2 (being drained)" in late.stderr and "still going on" in late.stderr
        waiting = tool.begin("scale", "tokenizer", 2, "--timeout", "60s", NATS_URL=tool.url)
        wait_until(lambda: "starting" in waiting.tail(), 10, "the order")
        draining = tool.begin("scale", "tokenizer", 1, NATS_URL=tool.url)
        wait_until(lambda: "draining" in draining.tail(), 10, "the order")
        draining.child.send_signal(signal.SIGINT)
        assert draining.wait(10) == INTERRUPTED and "goes on" in draining.tail()
        assert waiting.wait(10) == OK, "another order took it back"
        wait_until(lambda: names(tool) == {"executor-1": "ready", "tokenizer-1": "ready", "janitor-1": "ready"}, 10, "both orders")


def test_a_process_that_is_given_up_fails_the_order(tool):
    wrong = tool.folder / "wrong"
    with tool.up(FAKE_ACTOR=f"wrong-with={wrong}") as up:
        wrong.touch()
        failed = scale(tool, "executor", 2, status=FAILED)
        assert "executor-2 was given up" in failed.stderr and str(tool.data / "logs/executor-2.log") in failed.stderr
        assert up.running and names(tool)["executor-2"] == "given_up"
        wrong.unlink()
        assert "from 1 to 2; starting executor-2" in scale(tool, "executor", 2).stderr, "the failed one counts for none"


def test_what_cannot_be_scaled(tool, nats_server):
    tool.run("provision", "--server", nats_server.url)
    nobody = tool.run("scale", "executor", 1, "--json", "--server", nats_server.url, status=FAILED)
    assert json.loads(nobody.stderr)["error"]["code"] == "not_found"
    with tool.up():
        for words, text in ((["example", 1], "starts tokenizer, executor and janitor, not example"),
                            (["executor", 1, "--model", "other"], "it serves tiny"),
                            (["tokenizer", 1, "--model", "tiny"], "leave --model out"),
                            (["janitor", 2], "a second janitor has nothing to do"),
                            (["executor", 1, "--up", "up-nobody"], "there are: up-")):
            assert text in scale(tool, *words, status=FAILED).stderr
        assert "33 are too many" in scale(tool, "executor", 33, status=USAGE).stderr
        assert len(names(tool)) == 3


@pytest.mark.parametrize("body, field", [
    (b"", None), (b"{", None), (b"[]", None), (b"{}", "count"), (b'{"kind":7,"count":1}', "kind"), (b"x" * 5000, None),
    (b'{"kind":"executor","count":33}', "count"), (b'{"kind":"executor","count":-1}', "count"),
    (b'{"kind":"executor","count":18446744073709551616}', "count"), (b'{"kind":"exec\\u0000","count":1}', "kind"),
    (b'{"kind":"executor","model":"' + b"m" * 200 + b'","count":1}', "model")])
async def test_orders_come_from_anybody(tool, body, field):
    with tool.up():
        connection = await nats.connect(tool.url)
        (up,) = json.loads(tool.run("status", "--json", NATS_URL=tool.url).stdout)["ups"]
        error = json.loads((await connection.request(f"ask.up.{up['up']}.scale", body)).data)["error"]
        assert error["code"] in ("invalid", "limit") and error["message"] and error.get("field") == field
        other = json.loads((await connection.request(f"ask.up.{up['up']}.dance", b"")).data)["error"]
        assert other["code"] == "unsupported"
        await connection.publish(f"ask.up.{up['up']}.scale", b'{"kind":"executor","count":9}')  # nobody to answer
        assert len(names(tool)) == 3
        await connection.close()


def test_several_ups_on_one_server(tool, nats_server):
    words = ["up", "--model", f"tiny={tool.model}", "--data"]
    with tool.up(*words, tool.data, NATS_URL=nats_server.url):
        with tool.up(*words, tool.folder / "other", NATS_URL=nats_server.url):
            unsaid = tool.run("scale", "executor", 2, "--server", nats_server.url, status=FAILED)
            first, second = unsaid.stderr.rpartition(": ")[2].split(", ")
            done = tool.run("scale", "executor", 2, "--up", first.strip(), "--server", nats_server.url)
            assert "2 executors of tiny ready" in done.stdout
            ups = json.loads(tool.run("status", "--json", "--server", nats_server.url).stdout)["ups"]
            assert {up["up"]: len(up["processes"]) for up in ups} == {first.strip(): 4, second.strip(): 3}
