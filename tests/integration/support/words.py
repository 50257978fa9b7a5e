"""A user of the example worker: publishes texts, and looks for the one answer that each must have."""

import asyncio
import contextlib
import json

import nats
from nats.errors import Error as NatsError

PAUSE_SECONDS = 0.05
PUBLISH_TRIES = 200


class Words:
    def __init__(self, connection):
        self.connection = connection
        self.js = connection.jetstream(timeout=10)
        self.wanted = {}  # sequence -> number of words

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(cls, url):
        connection = await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=ignore)
        try:
            yield cls(connection)
        finally:
            await connection.close()

    async def publish(self, text):
        """Returns the text's sequence."""
        for _ in range(PUBLISH_TRIES):
            try:
                ack = await self.js.publish("example.text.key", text.encode())
            except (NatsError, asyncio.TimeoutError):
                await asyncio.sleep(PAUSE_SECONDS)  # the server is away; a text may then be there twice
                continue
            self.wanted[ack.seq] = len(text.split())
            return ack.seq
        raise TimeoutError("the server took nothing")

    async def publish_many(self, count):
        for first in range(0, count, 100):
            await asyncio.gather(*(self.publish("word " * (n % 7)) for n in range(first, min(first + 100, count))))

    async def answer(self, sequence):
        """(body, headers)"""
        message = await self.js.get_last_msg("EXAMPLE", f"example.words.{sequence}", direct=True)
        return json.loads(message.data), message.headers

    async def check(self, seconds=30):
        """Waits until all is settled; then every text that the stream acknowledged has exactly one answer, the
        right one."""
        await self.settled(seconds)
        info = await self.js.stream_info("EXAMPLE", subjects_filter="example.words.>")
        answered = {int(subject.rsplit(".", 1)[1]): count for subject, count in (info.state.subjects or {}).items()}
        assert all(count == 1 for count in answered.values())
        missing = self.wanted.keys() - answered.keys()
        assert not missing, f"{len(missing)} texts without an answer"
        for sequence, words in self.wanted.items():
            body, headers = await self.answer(sequence)
            assert body == {"words": words}
            assert headers["Rp-Cause"] == f"EXAMPLE:{sequence}:0"

    async def settled(self, seconds):
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            with contextlib.suppress(NatsError, asyncio.TimeoutError):
                info = await self.js.consumer_info("EXAMPLE", "example")
                left = info.num_pending, info.num_ack_pending
                if left == (0, 0):
                    return
                assert asyncio.get_running_loop().time() < deadline, f"pending, unsettled: {left}"
            await asyncio.sleep(PAUSE_SECONDS)


async def ignore(_):
    """Connections that end are what some tests are about."""
