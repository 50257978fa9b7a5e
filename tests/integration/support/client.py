"""A user of Reprise: publishes requests with a stock NATS client and reads the answers back.

    async with Client.connected(url) as client:
        answer = await client.ask({"prompt": "The sky is", "temperature": 0})
        answer.text, answer.tokens, answer.finish_reason
        result = await client.result(answer.request)

A client has one subscription, on reply.<tenant>.>, made before anything is published. What it hears is merged
with what the stream holds by Nats-Sequence, so a chunk that it missed (a server that went away) is fetched, and
one that comes twice counts once. An answer is whole when its last chunk is there and no index is missing; what
it must look like is checked in one place, Answer.check.
"""

import asyncio
import contextlib
import json
import os
import re
from dataclasses import dataclass, field

import nats
from google.protobuf import json_format
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from .wire import schema

PROTOBUF = "application/protobuf"
FINISH_REASONS = {"stop", "length", "cancelled", "deadline", "error"}
PAUSE_SECONDS = 0.02
QUIET_SECONDS = 1.0  # after so long without a chunk, the stream is asked
PUBLISH_TRIES = 200


MODULES = {"Chunk": "reply", "Result": "result", "Step": "step", "Dead": "dead"}
INTEGERS = {"index", "request_sequence", "exec_sequence", "step", "sequence"}  # strings in protobuf's own JSON


def decode(message, kind):
    """A Chunk, Result, ... as a dict in the shape of our JSON, whichever encoding it came in."""
    if not (message.headers or {}).get("Content-Type", "").startswith(PROTOBUF):
        return json.loads(message.data)
    holder = getattr(schema(MODULES[kind]), kind)()
    holder.ParseFromString(message.data)
    value = shaped(json_format.MessageToDict(holder, preserving_proto_field_name=True))
    if kind in ("Chunk", "Result"):
        value.setdefault("tokens", [])
    return value


def shaped(value):
    """protobuf's own JSON form in ours: enum values in lower case, 64-bit integers as numbers."""
    if isinstance(value, list):
        return [shaped(item) for item in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for name, item in value.items():
        if name in ("finish_reason", "code"):
            item = item.lower()
        out[name] = int(item) if name in INTEGERS else shaped(item)
    return out


@dataclass
class Answer:
    request: str
    chunks: list = field(default_factory=list)  # dicts, by index
    headers: list = field(default_factory=list)  # of each chunk

    @property
    def last(self):
        return self.chunks[-1]

    @property
    def text(self):
        return "".join(chunk["text"] for chunk in self.chunks)

    @property
    def tokens(self):
        return [token for chunk in self.chunks for token in chunk["tokens"]]

    @property
    def logprobs(self):
        return [entry for chunk in self.chunks for entry in chunk.get("logprobs", [])]

    @property
    def finish_reason(self):
        return self.last["finish_reason"]

    @property
    def error(self):
        return self.last.get("error")

    def check(self):
        """What holds for every answer."""
        assert [chunk["index"] for chunk in self.chunks] == list(range(len(self.chunks)))
        assert all(chunk["request"] == self.request for chunk in self.chunks)
        assert all(chunk.get("finish_reason") is None for chunk in self.chunks[:-1])
        assert self.finish_reason in FINISH_REASONS
        assert (self.error is not None) == (self.finish_reason == "error")
        for before, after in zip(self.headers, self.headers[1:]):
            assert after["Nats-Last-Sequence"] == before["Nats-Sequence"]
        assert self.headers[0]["Nats-Last-Sequence"] == "0"
        if self.error is None:
            assert self.last["usage"]["completion_tokens"] == len(self.tokens)
        if self.tokens:
            assert re.fullmatch("[0-9a-f]{32}", self.last["digest"])
        return self


class Client:
    """One connection, one tenant, one reply subscription."""

    def __init__(self, connection, tenant, model):
        self.connection = connection
        self.js = connection.jetstream(timeout=10)
        self.tenant = tenant
        self.model = model
        self.heard = {}  # request -> {Nats-Sequence: message}
        self.finished = {}  # request -> asyncio.Event, set when a last chunk came

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(cls, url, tenant="acme", model="tiny"):
        connection = await nats.connect(
            url, allow_reconnect=True, max_reconnect_attempts=-1, reconnect_time_wait=0.1, connect_timeout=5,
            error_cb=ignore)
        client = cls(connection, tenant, model)
        await connection.subscribe(f"reply.{tenant}.>", cb=client.on_chunk, pending_msgs_limit=-1,
                                   pending_bytes_limit=-1)
        await connection.flush()
        try:
            yield client
        finally:
            await connection.close()

    async def on_chunk(self, message):
        self.store(message)

    def store(self, message, sequence=None):
        """`sequence` is known for messages read from the stream; live ones have it as a header."""
        request = message.subject.split(".", 2)[2]
        if sequence is None:
            sequence = int(message.headers["Nats-Sequence"])
        self.heard.setdefault(request, {}).setdefault(sequence, message)
        if not message.data:
            return  # travels by reference; whoever asked for so much fetches it
        if decode(message, "Chunk").get("finish_reason"):
            self.event(request).set()

    def event(self, request):
        return self.finished.setdefault(request, asyncio.Event())

    def new_request(self):
        return f"t-{os.urandom(8).hex()}"

    # -- asking --------------------------------------------------------------------------------------------

    async def publish(self, body, request=None, headers=None, model=None):
        """Publishes with an ack, as often as it takes; returns the request's id: `request`, or its sequence."""
        headers = dict(headers or {})
        if request is not None:
            headers["Rp-Request"] = request
        ack = await self.publish_stored(f"infer.{self.tenant}.{model or self.model}", encode(body), headers)
        return request if request is not None else str(ack.seq)

    async def publish_stored(self, subject, body, headers=None):
        for _ in range(PUBLISH_TRIES):
            try:
                return await self.js.publish(subject, body, headers=headers or None)
            except (NatsError, asyncio.TimeoutError) as error:
                last = error  # 429, no responder, or no connection: later
                await asyncio.sleep(0.05)
        raise last

    async def ask(self, body, request=None, headers=None, model=None, seconds=60):
        """A request from publishing it to its checked answer."""
        request = await self.publish(body, request or self.new_request(), headers, model)
        return await self.answer(request, seconds)

    async def cancel(self, request):
        await self.publish_stored(f"control.{self.tenant}.{request}.cancel", b"")

    # -- reading -------------------------------------------------------------------------------------------

    async def answer(self, request, seconds=60):
        """The whole answer, checked. What was not heard is fetched from the stream."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                have = [decode(m, "Chunk")["index"] for _, m in sorted(self.heard.get(request, {}).items())]
                raise TimeoutError(f"request {request}: no whole answer; chunks so far {have[:3]}..{have[-3:]}")
            try:
                await asyncio.wait_for(self.event(request).wait(), min(left, QUIET_SECONDS))
            except asyncio.TimeoutError:
                await self.fetch(request)
                continue
            answer = self.assemble(request)
            if answer is not None:
                return answer.check()
            await self.fetch(request)
            await asyncio.sleep(PAUSE_SECONDS)

    def assemble(self, request):
        """The answer, or None while an index is missing."""
        answer = Answer(request)
        previous = 0
        for sequence, message in sorted(self.heard.get(request, {}).items()):
            chunk = decode(message, "Chunk")
            if chunk["index"] != len(answer.chunks):
                return None
            answer.chunks.append(chunk)
            answer.headers.append({**message.headers, "Nats-Sequence": str(sequence),
                                   "Nats-Last-Sequence": str(previous)}
                                  if "Nats-Last-Sequence" not in message.headers else dict(message.headers))
            previous = sequence
        return answer if answer.chunks and answer.last.get("finish_reason") else None

    async def fetch(self, request):
        """Reads the answer as the stream has it."""
        for sequence, message in await self.stored("REPLY", f"reply.{self.tenant}.{request}"):
            self.store(message, sequence)

    async def stored(self, stream, subject):
        """All (sequence, message) of one subject."""
        out, sequence = [], 1
        while True:
            try:
                message = await self.js.get_msg(stream, seq=sequence, subject=subject, next=True, direct=True)
            except NotFoundError:
                return out
            except (NatsError, asyncio.TimeoutError):
                return out  # the server is away; whoever waits asks again
            out.append((message.seq, message))
            sequence = message.seq + 1

    def refusal(self, request):
        """The error of a request that was refused, if that has been heard."""
        chunks = [decode(message, "Chunk") for message in self.heard.get(request, {}).values()]
        return next((chunk["error"] for chunk in chunks if "error" in chunk), None)

    async def chunks_heard(self, request, count, seconds=30):
        """Waits until so many chunks were heard: the answer is then in the middle, if it is longer."""
        deadline = asyncio.get_running_loop().time() + seconds
        while len(self.heard.get(request, ())) < count:
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"request {request}: {len(self.heard.get(request, ()))} chunks, want {count}")
            await asyncio.sleep(0.002)

    async def result(self, request, seconds=20):
        """RESULT's message as a dict."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            found = await self.stored("RESULT", f"result.{self.tenant}.{request}")
            if found:
                assert len(found) == 1, f"{len(found)} results of {request}"
                return decode(found[0][1], "Result")
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"no RESULT of {request}")
            await asyncio.sleep(PAUSE_SECONDS)

    async def all_settled(self, seconds=10):
        """Waits until every message of REQUEST and EXEC is settled; AssertionError, with whose is not, otherwise."""
        deadline = asyncio.get_running_loop().time() + seconds
        for stream in ("REQUEST", "EXEC"):
            for consumer in await self.js.consumers_info(stream):
                left = None
                while left != (0, 0):
                    info = await self.js.consumer_info(stream, consumer.name)
                    left = info.num_pending, info.num_ack_pending
                    assert left == (0, 0) or asyncio.get_running_loop().time() < deadline, (consumer.name, left)
                    await asyncio.sleep(PAUSE_SECONDS)

    async def answer_and_result(self, request, seconds=60):
        """Both, held against each other."""
        answer = await self.answer(request, seconds)
        result = await self.result(request)
        check_result(answer, result, self.tenant)
        return answer, result


def check_result(answer, result, tenant):
    """RESULT says what the chunks said."""
    assert result["request"] == answer.request and result["tenant"] == tenant
    assert result["tokens"] == answer.tokens
    assert result["text"] == answer.text
    assert result["finish_reason"] == answer.finish_reason
    for name in ("usage", "digest", "error"):
        assert result.get(name) == answer.last.get(name), name


def encode(body):
    return body if isinstance(body, bytes) else json.dumps(body).encode()


async def ignore(_):
    """Connections that end are what some tests are about."""
