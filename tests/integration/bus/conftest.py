import pytest

from .broker import Broker
from .probe import PROGRAM, Probe


@pytest.fixture
def broker(nats_server):
    return Broker(nats_server)


@pytest.fixture
def probe(nats_server, tmp_path):
    if not PROGRAM.exists():
        pytest.skip("bus_probe is built by presets with tests; release has none")
    with Probe(nats_server.url, tmp_path) as probe:
        yield probe
