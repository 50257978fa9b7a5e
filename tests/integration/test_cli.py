"""`reprise`, the tool, against a real server: its help, what it refuses, how it ends. Each command has a file of its
own beside this one."""

import json
import re

import pytest
from support.tool import NOWHERE, UNREACHABLE, USAGE


COMMANDS = ["up", "ask", "status", "scale", "dead list", "dead show", "dead retry", "provision", "model list", "version"]


def test_help_teaches(tool):
    overview = tool.run("--help").stdout
    assert tool.run("help").stdout == tool.run("-h").stdout == overview
    for command in COMMANDS:
        assert f"  {command} " in overview
        text = tool.run(*command.split(), "--help").stdout
        assert text.startswith(f"reprise {command} ")
        assert f"  reprise {command}" in text, "an example"
        assert "Exit status: 0 done, 1 failed, 2 called wrongly, 3 no server reached, 130 interrupted" in text
        assert tool.run("help", *command.split()).stdout == text
        assert tool.run(*command.split(), "-h", "and more", "--json").stdout == text, "whatever else stands there"
    assert "_child" not in overview


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_its_own_name_and_letter(tool, command):
    """A name or letter that two options of a command share would reach one of them only."""
    text = tool.run(*command.split(), "--help").stdout
    options = re.findall(r"^  (?:-(\w), |    )--([\w-]+)", text, re.MULTILINE)
    letters = [letter for letter, _ in options if letter]
    names = [name for _, name in options]
    assert {"json", "help"} <= set(names)
    assert len(set(letters)) == len(letters) and len(set(names)) == len(names)


def test_wrong_calls(tool):
    assert "reprise COMMAND" in tool.run(status=USAGE).stderr
    assert "no command \"nonsense\"" in tool.run("nonsense", status=USAGE).stderr
    assert "no command \"model\"; there are: model list;" in tool.run("model", status=USAGE).stderr
    assert "there are: dead list, dead show, dead retry;" in tool.run("dead", status=USAGE).stderr
    for words in (["ask", "--max-tokens", "0", "x"], ["ask", "a", "b"], ["ask", "--temperature", "warm", "x"],
                  ["ask", "--seed", "-1", "x"], ["ask"], ["ask", "--raw", "--system", "s", "x"],
                  ["ask", "--raw", "--chat", "x"], ["up"], ["up", "word"], ["up", "--model", "x=/nowhere"],
                  ["up", "--ask", "x", "word"], ["up", "--", "--raw"], ["status", "--every", "1ms"], ["_child"],
                  ["scale"], ["scale", "executor"], ["scale", "executor", "two"], ["scale", "executor", "-1"],
                  ["scale", "executor", "33"], ["scale", "executor", "1", "2"], ["scale", "x" * 40, "1"],
                  ["dead", "list", "--limit", "0"], ["dead", "list", "--kind", "a.b"], ["dead", "list", "--since", "x"],
                  ["dead", "show"], ["dead", "show", "1", "2"], ["dead", "show", "x"], ["dead", "show", "1", "-b", "9MiB"],
                  ["dead", "retry"], ["dead", "retry", "1", "x"], ["dead", "retry", *range(1, 12)]):
        done = tool.run(*words, status=USAGE)
        assert done.stdout == "" and done.stderr.startswith("reprise: "), words


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_does_not_know_it_refuses(tool, command):
    wrong = [(["--nope"], "--nope"), (["--json=maybe"], "json")]
    if command not in ("up", "ask"):
        wrong.append((["word"], "sequence" if command in ("dead show", "dead retry") else None))
    for words, field in wrong:
        done = tool.run(*command.split(), *words, status=USAGE)
        assert done.stdout == "" and done.stderr.startswith("reprise: ")
        assert f"reprise {command} --help" in done.stderr
        for told in (["--json", *words], [*words, "--json"]):
            error = json.loads(tool.run(*command.split(), *told, status=USAGE).stderr)["error"]
            assert error["code"] == "invalid" and error["message"] and error.get("field") == field


def test_version(tool):
    assert tool.run("version").stdout.startswith("reprise ")
    assert tool.run("--version").stdout.startswith("reprise ")
    told = json.loads(tool.run("version", "--json").stdout)
    assert told["version"] and told["build"] and told["nats"]


@pytest.mark.parametrize("words", [["status"], ["model", "list"], ["provision"], ["ask", "x"], ["scale", "executor", "1"],
                                   ["dead", "list"], ["dead", "show", "1"], ["dead", "retry", "1"]], ids=" ".join)
def test_no_server(tool, words):
    done = tool.run(*words, "--server", NOWHERE, status=UNREACHABLE)
    assert NOWHERE in done.stderr and "deploy/up" in done.stderr and done.stdout == ""
    error = json.loads(tool.run(*words, "--json", status=UNREACHABLE, NATS_URL=NOWHERE).stderr)["error"]
    assert error["code"] == "unavailable" and error["field"] == "server"


def test_no_server_in_up(tool):
    done = tool.run("up", "--model", f"tiny={tool.model}", "--data", tool.data, status=UNREACHABLE, NATS_URL=NOWHERE)
    assert NOWHERE in done.stderr

