"""Streams as a test makes, fills, empties and deletes them, over a connection of its own each time."""

import asyncio
import contextlib
import json
import shutil

import nats
from support.stack import NatsServer


class Broker:
    """Talks to whichever server it is given; a test may put another one in front of the same files."""

    def __init__(self, server):
        self.server = server

    @contextlib.asynccontextmanager
    async def connected(self):
        connection = await nats.connect(self.server.url)
        try:
            yield connection
        finally:
            await connection.close()

    async def api(self, operation, body=None):
        async with self.connected() as connection:
            reply = await connection.request(f"$JS.API.{operation}", json.dumps(body or {}).encode(), timeout=10)
            answer = json.loads(reply.data)
            assert "error" not in answer, answer
            return answer

    async def create(self, name="LOG", subject="log.>", **config):
        return await self.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [subject], "storage": "file", **config})

    async def delete(self, name="LOG"):
        return await self.api(f"STREAM.DELETE.{name}")

    async def purge(self, keep_from, name="LOG", **more):
        return await self.api(f"STREAM.PURGE.{name}", {"seq": keep_from, **more})

    async def publish(self, *subjects, body=b"x"):
        """One message each, in order, all of them stored."""
        async with self.connected() as connection:
            stream = connection.jetstream(timeout=10)
            for subject in subjects:
                await stream.publish(subject, body)

    async def publish_many(self, subject, count, body=b"x"):
        async with self.connected() as connection:
            stream = connection.jetstream(timeout=30)
            for start in range(0, count, 100):
                await asyncio.gather(*(stream.publish(subject, body) for _ in range(start, min(start + 100, count))))

    async def consumer(self, name, stream="LOG", **config):
        return await self.api(f"CONSUMER.CREATE.{stream}.{name}", {
            "stream_name": stream, "config": {"name": name, "durable_name": name, "ack_policy": "explicit", **config}})


@contextlib.contextmanager
def behind_the_scenes(server, folder):
    """The server is gone for all who know it, while the test has one over the same files."""
    server.stop()
    other = NatsServer(folder)
    other.start()
    try:
        yield Broker(other)
        other.stop()
    finally:
        other.kill()
    server.start()


def copy_files(folder, name):
    """Keeps what the stopped server has on its disk."""
    shutil.copytree(folder / "jetstream", folder / name)


def restore_files(folder, name):
    shutil.rmtree(folder / "jetstream")
    shutil.copytree(folder / name, folder / "jetstream")
