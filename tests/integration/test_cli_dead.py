"""`reprise dead`: letters of real actors are listed, shown and tried again."""

import json

import pytest
from support.client import Client
from support.fixtures import running
from support.stack import Stack
from support.tool import FAILED, USAGE, published

BAD = {"in_ms": -5, "text": "tea"}  # what no reminder takes
ASKED = {"prompt": "The sky is", "max_tokens": 4, "temperature": 0}


@pytest.fixture
def post(tmp_path, tiny):
    """A tokenizer, an executor of the tiny model, and a reminder."""
    yield from running(Stack(tmp_path, {"tiny": tiny}), start)


def start(stack):
    stack.start()
    models, stack.models = stack.models, {}
    stack.start_actor("reprise-reminder", "reminder", stack.examples, None)
    stack.models = models


@pytest.fixture
async def client(post):
    async with Client.connected(post.url) as client:
        yield client


@pytest.fixture
def dead(tool, post):
    return lambda *words, **more: tool.run("dead", *words, **{"NATS_URL": post.url, **more})


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


async def letters(client, count):
    await published(client.js, "DEAD", count)


async def remind_badly(client, key="tea", **headers):
    return (await client.js.publish(f"example.remind.{key}", json.dumps(BAD).encode(), headers=headers or None)).seq


async def spoil(client, request="poison", body=ASKED, **headers):
    """A request whose work in EXEC no executor can read, as after a fault between the two. (REQUEST, EXEC)."""
    sequence = (await client.js.publish(f"infer.{client.tenant}.tiny", json.dumps(body).encode(),
                                        headers={"Rp-Request": request, **headers})).seq
    await client.answer(request)
    work = await client.js.get_last_msg("EXEC", "exec.tiny.>")
    spoilt = {**work.headers, "Rp-Request": f"{request}-spoilt"}
    spoilt.pop("Nats-Msg-Id")
    return sequence, (await client.js.publish(work.subject, b"\xff\xfe\0garbage", headers=spoilt)).seq


async def test_list(dead, client):
    assert dead("list").stdout == "no dead letters\n"
    request, work = await spoil(client)
    await letters(client, 1)
    for key in ("tea", "coffee"):
        await remind_badly(client, key)
    await letters(client, 3)
    text = dead("list").stdout
    assert text.splitlines()[0].split() == [
        "SEQUENCE", "WHEN", "KIND", "MESSAGE", "SUBJECT", "TENANT", "REQUEST", "TRIES", "WHY"]
    assert [line.split()[0] for line in text.splitlines()[1:]] == ["3", "2", "1"], "the newest first"
    listed = lines(dead("list", "--json"))
    assert [letter["dead"] for letter in listed] == [3, 2, 1]
    assert listed[0]["kind"] == "reminder" and listed[0]["subject"] == "example.remind.coffee"
    assert listed[0]["error"]["message"] == "in_ms is 0 to a year" and listed[0]["deliveries"] == 1
    assert (listed[2]["stream"], listed[2]["sequence"]) == ("EXEC", work)
    assert (listed[2]["tenant"], listed[2]["request"]) == ("acme", "poison-spoilt")
    for words, found in ((["--kind", "reminder"], [3, 2]), (["--kind", "nobody"], []), (["--tenant", "acme"], [1]),
                         (["--limit", 2], [3, 2]), (["--since", "1h"], [3, 2, 1]), (["--since", "1ns"], []),
                         (["--kind", "reminder", "--limit", 1], [3])):
        assert [letter["dead"] for letter in lines(dead("list", "--json", *words))] == found, words
    assert dead("list", "--kind", "nobody").stdout == "no dead letters that match\n"
    assert "the newest 2; --limit shows more" in dead("list", "--limit", 2).stdout


async def test_list_of_many(dead, client):
    """More than one question to the server answers, of which some are somebody else's."""
    for number in range(1, 2401):
        letter = {"kind": "bulk", "stream": "EXAMPLE", "sequence": number, "subject": "example.text.x",
                  "error": {"code": "dead", "message": "so it is"}}
        await client.connection.publish(f"dead.{'bulk' if number % 3 else 'other'}", json.dumps(letter).encode())
    await letters(client, 2400)
    listed = [letter["dead"] for letter in lines(dead("list", "--json", "--limit", 2000, "--kind", "bulk"))]
    assert listed == [number for number in range(2400, 0, -1) if number % 3]
    assert [letter["dead"] for letter in lines(dead("list", "--json", "--limit", 1500))] == [*range(2400, 900, -1)]
    await client.js.purge_stream("DEAD", keep=5)
    assert [letter["dead"] for letter in lines(dead("list", "--json"))] == [*range(2400, 2395, -1)]


async def test_show(dead, client):
    await remind_badly(client, **{"X-Mine": "yes", "Nats-Msg-Id": "one"})
    await letters(client, 1)
    _, work = await spoil(client)
    await letters(client, 2)
    text = dead("show", 1).stdout
    for part in ("why        in_ms is 0 to a year\n", "stream     EXAMPLE\n", "\nheaders\n  Nats-Msg-Id: one\n  X-Mine: yes\n",
                 f"\nbody, {len(json.dumps(BAD))} bytes\n  {json.dumps(BAD)}\n"):
        assert part in text
    told = json.loads(dead("show", 1, "--json").stdout)
    assert told["original"]["kept"] is True and json.loads(told["original"]["body"]) == BAD
    assert {"name": "X-Mine", "value": "yes"} in told["original"]["headers"]
    cut = json.loads(dead("show", 1, "--json", "--bytes", 5).stdout)["original"]
    assert cut["body"] == json.dumps(BAD)[:5] and cut["body_cut"] is True and cut["body_bytes"] == len(json.dumps(BAD))
    assert "... and" in dead("show", 1, "--bytes", 5).stdout
    work_text = dead("show", 2).stdout
    assert f"stream     EXEC\nsequence   {work}\n" in work_text and "00000000  ff fe 00 67 61 72" in work_text and "Rp-Cause: REQUEST:" in work_text
    assert json.loads(dead("show", 2, "--json").stdout)["original"]["body_hex"] == b"\xff\xfe\0garbage".hex()
    assert "DEAD holds 1 to 2" in dead("show", 3, status=FAILED).stderr


async def test_a_request_is_tried_again_under_a_new_name(dead, client):
    """From its work in EXEC, which is dead for good; what it was is left behind, what is its own stays."""
    request, work = await spoil(client, **{"Nats-Msg-Id": "one", "X-Mine": "yes", "Rp-Deadline": "32503680000000"})
    await letters(client, 1)
    (told,) = lines(dead("retry", 1, "--json"))
    assert (told["dead"], told["stream"], told["sequence"]) == (1, "EXEC", work)
    again = told["retried"]
    assert again["from_sequence"] == request and again["request"].startswith("poison-spoilt-retry-")
    assert again["reply"] == f"reply.acme.{again['request']}"
    answer, result = await client.answer_and_result(again["request"])
    assert answer.text == (await client.answer("poison")).text and result["request_sequence"] == again["sequence"]
    copy = await client.js.get_msg("REQUEST", again["sequence"])
    assert copy.subject == "infer.acme.tiny" and json.loads(copy.data) == ASKED
    assert copy.headers == {"Rp-Request": again["request"], "X-Mine": "yes", "Rp-Cause": "DEAD:1:0"}
    text = dead("retry", 1).stdout
    assert f"1: EXEC:{work}, from its request REQUEST:{request} again as REQUEST:" in text and "reply.acme.poison" in text


async def test_wait_follows_the_answer(dead, client):
    await spoil(client)
    await letters(client, 1)
    wanted = (await client.answer("poison")).text
    followed = dead("retry", 1, "--wait")
    assert followed.stdout.rstrip("\n") == wanted.rstrip("\n") and "again as REQUEST:" in followed.stderr
    told, *chunks = lines(dead("retry", 1, "--wait", "--json"))
    assert "".join(chunk["text"] for chunk in chunks) == wanted and chunks[-1]["finish_reason"] == "length"
    assert {chunk["request"] for chunk in chunks} == {told["retried"]["request"]}
    await client.js.publish("dead.tokenizer", json.dumps({
        "kind": "tokenizer", "stream": "REQUEST", "sequence": told["retried"]["sequence"], "subject": "infer.acme.tiny",
        "error": {"code": "dead", "message": "as the runtime writes it"}}).encode())
    (letter,) = lines(dead("list", "--json", "--kind", "tokenizer"))
    assert letter["tenant"] == "acme" and letter["request"] == str(told["retried"]["sequence"])
    assert dead("retry", letter["dead"], "--wait").stdout.rstrip("\n") == wanted.rstrip("\n")


async def test_a_request_of_a_tenant_that_is_no_name(dead, client):
    """A real letter of the tokenizer; tried again it dies again."""
    await client.js.publish("infer.=zz.tiny", json.dumps(ASKED).encode())
    await letters(client, 1)
    assert "the subject's tenant is no name" in dead("list").stdout
    assert "names that are none" in dead("retry", 1, "--wait", status=FAILED).stderr
    dead("retry", 1)
    await letters(client, 2)


async def test_other_messages_go_to_their_subject_again(dead, client):
    first = await remind_badly(client, **{"X-Mine": "yes", "Nats-Msg-Id": "one"})
    await letters(client, 1)
    (told,) = lines(dead("retry", 1, "--json", "--wait"))
    assert told["retried"] == {"stream": "EXAMPLE", "from_sequence": first, "sequence": first + 1,
                               "subject": "example.remind.tea"}
    copy = await client.js.get_msg("EXAMPLE", first + 1)
    assert json.loads(copy.data) == BAD and copy.headers == {"X-Mine": "yes", "Rp-Cause": "DEAD:1:0"}
    await letters(client, 2)
    assert f"1: EXAMPLE:{first} again as EXAMPLE:{first + 2}" in dead("retry", 1).stdout


async def test_what_has_aged_out(dead, client):
    await remind_badly(client)
    await remind_badly(client)
    await letters(client, 2)
    await client.js.purge_stream("EXAMPLE", seq=2)
    text = dead("show", 1).stdout
    assert "EXAMPLE:1 is not there any more: EXAMPLE holds 2 to 2" in text and '"in_ms": -5' in text, "how it began"
    told = json.loads(dead("show", 1, "--json").stdout)["original"]
    assert told["kept"] is False and json.loads(told["body"]) == BAD
    done = dead("retry", 1, 2, status=FAILED)
    assert "1 cannot be tried again: EXAMPLE:1 is not there any more: EXAMPLE holds 2 to 2" in done.stderr
    assert "2: EXAMPLE:2 again as EXAMPLE:3" in done.stdout, "one does not keep back another"
    error = json.loads(dead("retry", 1, "--json", status=FAILED).stderr)["error"]
    assert error["code"] == "not_found" and error["field"] == "EXAMPLE"
    await client.js.purge_stream("EXAMPLE")
    assert "EXAMPLE is empty" in dead("retry", 2, status=FAILED).stderr


async def test_work_without_its_request(dead, client):
    await client.js.publish("exec.tiny.de825b97efc6.normal-0", b"\xff", headers={
        "Rp-Tenant": "acme", "Rp-Request": "orphan", "Rp-Encoding": "application/json"})
    letter = {"kind": "executor", "stream": "EXEC", "sequence": 1, "subject": "exec.tiny.x.normal-0",
              "error": {"code": "dead", "message": "why"}}
    await client.js.publish("dead.executor", json.dumps(letter).encode())
    newest = lines(dead("list", "--json"))[0]["dead"]
    assert "does not say which request it came from" in dead("retry", newest, status=FAILED).stderr


async def test_many_are_asked_about(dead, client):
    await remind_badly(client)
    await letters(client, 1)
    refused = dead("retry", *[1] * 11, status=USAGE)
    assert "11 messages" in refused.stderr and "--yes" in refused.stderr
    assert dead("retry", "--yes", *[1] * 11).stdout.count("again as EXAMPLE:") == 11
    assert dead("retry", *[1] * 10).stdout.count("again as EXAMPLE:") == 10


@pytest.mark.parametrize("body", [b"", b"no letter", b"{}", b'{"kind":"x"}', b"\xff" * 100])
async def test_what_is_no_letter(dead, client, body):
    await client.js.publish("dead.strange", body)
    assert "cannot be read" in dead("list").stdout
    assert lines(dead("list", "--json"))[0]["readable"] is False
    assert "cannot be read" in dead("show", 1).stdout
    assert json.loads(dead("show", 1, "--json").stdout)["original"]["body_bytes"] == len(body)
    assert "no dead letter that this build can read" in dead("retry", 1, status=FAILED).stderr


@pytest.mark.parametrize("stream", ["", "a.b", "*", "NOWHERE", "x" * 300, "EX\u001b[2JAMPLE", "DEAD"])
async def test_a_letter_may_name_any_stream(dead, client, stream):
    letter = {"kind": "x", "stream": stream, "sequence": 9, "subject": "a\u001b[2Jb",
              "error": {"code": "dead", "message": "\u001b]0;title\u0007"}}
    await client.js.publish("dead.x", json.dumps(letter).encode())
    for words in (["list"], ["show", 1]):
        assert "\x1b" not in dead(*words).stdout and "\x07" not in dead(*words).stdout
    dead("show", 1, "--json")
    done = dead("retry", 1, status=FAILED)
    assert done.stderr.startswith("reprise: 1 cannot be tried again") and "\x1b" not in done.stderr


def test_without_streams(tool, nats_server):
    for words in (["list"], ["show", 1], ["retry", 1]):
        assert "reprise provision" in tool.run("dead", *words, NATS_URL=nats_server.url, status=FAILED).stderr


async def test_embeddings_go_the_same_way(dead, client):
    """They are refused today; the retrial is answered with that."""
    sequence = (await client.js.publish("embed.acme.tiny", b'{"input":"x"}', headers={"Rp-Request": "e"})).seq
    letter = {"kind": "tokenizer", "stream": "REQUEST", "sequence": sequence, "subject": "embed.acme.tiny",
              "request": "e", "error": {"code": "dead", "message": "why"}}
    await client.js.publish("dead.tokenizer", json.dumps(letter).encode())
    done = dead("retry", 1, "--wait", status=FAILED)
    assert "unsupported" in done.stderr
