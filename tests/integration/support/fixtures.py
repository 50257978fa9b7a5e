"""The fixtures of tests/integration and tests/faults."""

import functools
import json

import pytest

from .client import Client
from .paths import REFERENCE_DATA
from .stack import NatsServer, Stack

import tiny_model  # from tests/reference


# What makes an answer take a while, whatever the machine's best kernels are.
SLOWLY = {"REPRISE_CANON": "scalar"}


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def tiny(model_folder):
    """The tiny model, as a path."""
    return made(model_folder / "tiny.gguf", tiny_model.TINY)


@pytest.fixture(scope="session")
def slow(model_folder):
    """A model whose tokens take some milliseconds each."""
    return made(model_folder / "slow.gguf", tiny_model.SLOW)


def made(path, shape):
    tiny_model.make(path, shape=shape)
    return path


@functools.cache
def tiny_reference():
    """tests/reference/data/tiny_float32.json."""
    return json.loads((REFERENCE_DATA / "tiny_float32.json").read_text())


@pytest.fixture
def nats_server(tmp_path):
    """A server alone, empty."""
    server = NatsServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def shared_stack(tmp_path_factory, tiny):
    """One of everything, for the tests of a module that leave it as it was."""
    yield from running(Stack(tmp_path_factory.mktemp("stack"), {"tiny": tiny}))


@pytest.fixture
def stack(tmp_path, tiny):
    """One of everything, for one test that breaks something."""
    yield from running(Stack(tmp_path, {"tiny": tiny}))


@pytest.fixture(scope="module")
def shared_slow_stack(tmp_path_factory, slow):
    """As shared_stack, for tests that interrupt answers and leave the rest as it was."""
    yield from running(Stack(tmp_path_factory.mktemp("slow"), {"slow": slow}, environment=SLOWLY))


@pytest.fixture
def slow_stack(tmp_path, slow):
    """As stack, where an answer takes long enough to be interrupted."""
    yield from running(Stack(tmp_path, {"slow": slow}, environment=SLOWLY))


@pytest.fixture
def example_stack(tmp_path):
    """A server and one example worker: the runtime alone, without a model."""
    yield from running(Stack(tmp_path, {}), lambda stack: stack.start_server().start_example())


@pytest.fixture
def counter_stack(tmp_path):
    """A server for replicas of the example fold, which the test starts."""
    yield from running(Stack(tmp_path, {}), Stack.start_server)


def running(stack, start=Stack.start):
    """Starts it, lends it, ends it; a bad end is an error of its own. Logs are shown with whatever fails."""
    try:
        start(stack)
        yield stack
        stack.stop()
    except BaseException:
        print(stack.logs())
        raise
    finally:
        stack.kill()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the logs of a failed test's processes with it."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    for value in getattr(item, "funcargs", {}).values():
        if isinstance(value, Stack):
            report.sections.append(("the processes' logs", value.logs()))


@pytest.fixture
async def client(shared_stack):
    """A user of shared_stack."""
    async with Client.connected(shared_stack.url) as client:
        yield client


@pytest.fixture
async def slow_client(shared_slow_stack):
    """A user of shared_slow_stack."""
    async with Client.connected(shared_slow_stack.url, model="slow") as client:
        yield client
