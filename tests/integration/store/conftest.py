import nats
import pytest

from .probe import PROGRAM, Probe


@pytest.fixture
def probe(nats_server, tmp_path):
    if not PROGRAM.exists():
        pytest.skip("store_probe is built by presets with tests; release has none")
    with Probe(nats_server.url, tmp_path) as probe:
        yield probe


@pytest.fixture
async def js(nats_server):
    """A stock client."""
    connection = await nats.connect(nats_server.url)
    yield connection.jetstream(timeout=10)
    await connection.close()
