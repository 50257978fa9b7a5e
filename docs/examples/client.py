#!/usr/bin/env python3
"""Asks Reprise and prints the answer as it comes, with nothing but a stock NATS client (nats-py).

    client.py --server nats://127.0.0.1:4222 --model gemma3 "The three primary colours are"

ask() is the whole client; copy it. It reads each chunk once and in order, whatever happens to the connection:
live ones from the subject, those that it missed from the stream. tests/conformance/test_examples.py runs this.
"""

import argparse
import asyncio
import json
import sys

import nats
from nats.errors import Error as NatsError
from nats.js.errors import APIError, NotFoundError

SILENCE_SECONDS = 2.0  # after so long without a chunk, the stream is asked
PATIENCE_SECONDS = 60.0  # after so long, we give up
PUBLISH_TRIES = 10


class Refused(Exception):
    """The request was not answered. .error has code, message and, where they apply, field and limit."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.error = error


async def ask(connection, tenant, model, body, request=None):
    """Publishes a request and yields the chunks of its answer, as dicts.

    `request` is its Rp-Request: 1 to 64 letters, digits, - and _, not digits alone. It makes publishing twice
    safe: whoever asks again under it, even after a crash, gets the answer that stands. Without one the request's
    name is its place in the stream REQUEST, which the ack tells."""
    js = connection.jetstream()
    # First listen, then publish. The name may not be known yet: then to all answers of the tenant.
    heard = await connection.subscribe(f"reply.{tenant}.{request or '*'}")
    try:
        sequence = await publish(js, f"infer.{tenant}.{model}", body, request)
        subject = f"reply.{tenant}.{request or sequence}"
        last = 0  # Nats-Sequence of the last chunk that was taken; 0 before the first
        waited = 0.0
        while waited < PATIENCE_SECONDS:
            batch = await next_chunks(js, heard, subject, last)
            waited = 0.0 if batch else waited + SILENCE_SECONDS
            for last, chunk in batch:
                yield chunk
                if "error" in chunk:
                    raise Refused(chunk["error"])
                if "finish_reason" in chunk:
                    return
        raise TimeoutError(f"{subject}: nothing came for {PATIENCE_SECONDS:g} s")
    finally:
        await heard.unsubscribe()


async def publish(js, subject, body, request):
    """Publishes with an ack and returns the sequence. With an Rp-Request a publish whose ack is lost, or that the
    server has no room for just now, is tried again; without one that might ask twice."""
    headers = {"Rp-Request": request} if request else None
    tries = PUBLISH_TRIES if request else 1
    for attempt in range(1, tries + 1):
        try:
            return (await js.publish(subject, json.dumps(body).encode(), headers=headers)).seq
        except (NatsError, APIError, asyncio.TimeoutError):
            if attempt == tries:
                raise
            await asyncio.sleep(min(2.0, 0.05 * 2**attempt))


async def next_chunks(js, heard, subject, last):
    """What comes next as [(Nats-Sequence, chunk)]: the next live chunk, or where there is a gap before it, or
    silence, all that the stream has behind `last`."""
    try:
        message = await heard.next_msg(timeout=SILENCE_SECONDS)
    except asyncio.TimeoutError:
        return await stored(js, subject, last)
    if message.subject != subject:
        return []  # somebody else's
    sequence = int(message.headers["Nats-Sequence"])
    if sequence <= last:
        return []  # it was read from the stream already
    if int(message.headers["Nats-Last-Sequence"]) != last:
        return await stored(js, subject, last)  # the one before it on this subject is not the last we have
    return [(sequence, json.loads(message.data))]


async def stored(js, subject, last):
    """All chunks of a subject that the stream REPLY has behind the sequence `last`."""
    out = []
    while True:
        try:
            message = await js.get_msg("REPLY", seq=last + 1, subject=subject, next=True, direct=True)
        except NotFoundError:
            return out
        except (NatsError, asyncio.TimeoutError):
            return out  # the server is away; the next silence asks again
        last = message.seq
        out.append((last, json.loads(message.data)))


async def main(arguments):
    connection = await nats.connect(arguments.server, max_reconnect_attempts=-1)
    body = {"prompt": arguments.prompt, "max_tokens": arguments.max_tokens}
    try:
        async for chunk in ask(connection, arguments.tenant, arguments.model, body, arguments.request):
            print(chunk["text"], end="", flush=True)
        print()
        return 0
    except Refused as refused:
        print(json.dumps(refused.error), file=sys.stderr)
    except (NatsError, APIError, TimeoutError, asyncio.TimeoutError) as error:
        print(f"no answer: {error}", file=sys.stderr)
    finally:
        await connection.close()
    return 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="ask Reprise and print the answer")
    parser.add_argument("prompt")
    parser.add_argument("--server", default="nats://127.0.0.1:4222")
    parser.add_argument("--tenant", default="acme")
    parser.add_argument("--model", default="gemma3")
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--request", help="the request's id (Rp-Request)")
    sys.exit(asyncio.run(main(parser.parse_args())))
