"""The simulated bus against the real one: the same cases, on both, with the same results.

The cases are C, over the bus's interface (tests/conformance/bus); each program writes down what came of them.
"""

import re
import subprocess

import pytest

from support.paths import BIN
from support.stack import Stack

PROGRAMS = BIN.parent / "tests"


def run(name, *arguments):
    done = subprocess.run([PROGRAMS / name, *arguments], capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr[-4000:]
    parts = re.split(r"^== (.*)\n", done.stdout, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2]))


@pytest.fixture(scope="module")
def transcripts(tmp_path_factory):
    """What each case wrote, on the simulator and on a server that was provisioned for it."""
    if not (PROGRAMS / "bus_conformance_sim").exists():
        pytest.skip("the programs are built by presets with tests; release has none")
    stack = Stack(tmp_path_factory.mktemp("conformance"), {})
    try:
        stack.start_server()
        return run("bus_conformance_sim"), run("bus_conformance_server", stack.url)
    finally:
        stack.server.kill()


def test_the_same_results(transcripts):
    simulated, real = transcripts
    assert simulated.keys() == real.keys() and len(real) > 20
    differ = [name for name in real if simulated[name] != real[name]]
    assert not differ, "".join(f"== {name}\nsimulated:\n{simulated[name]}real:\n{real[name]}" for name in differ)
