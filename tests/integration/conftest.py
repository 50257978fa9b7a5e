"""Tests with a real nats-server and real actors; see support/."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support.fixtures import *  # noqa: E402,F401,F403 fixtures and hooks
from support.process import wait_until  # noqa: E402
from support.tool import Tool  # noqa: E402


@pytest.fixture
def tool(tmp_path):
    """`reprise` in a folder of its own, out of which nothing runs any more when the test has ended."""
    tool = Tool(tmp_path)
    yield tool
    wait_until(lambda: not tool.processes(), 10, "everything to end")
