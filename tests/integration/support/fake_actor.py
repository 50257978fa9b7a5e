#!/usr/bin/env python3
"""Stands in for reprise-tokenizer and reprise-executor where `reprise` itself is tested: it keeps a record in
ACTORS, and as a tokenizer it answers requests at once, without any model. What it does is chosen by FAKE_ACTOR in
the environment, a comma list:

    unready        never says that it is ready
    die            ends with status 1 soon after it is ready
    die-once=FILE  the same, unless FILE exists, which it makes
    die-as=NAME    the same, where its instance begins with NAME-
    wrong-usage    ends with status 2
    wrong-with=FILE  the same as an executor, if FILE exists
    deaf           does not end on SIGTERM
    linger         ends two seconds after SIGTERM
    endless        goes on answering until the request is cancelled
    refuse         answers with an error
    mute           takes requests and answers nothing
    base           says that its model's file has no chat template
    chat           says that it has one
"""

import asyncio
import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import nats

KIND = Path(sys.argv[0]).name.removeprefix("reprise-")
MODES = dict(word.partition("=")[::2] for word in os.environ.get("FAKE_ACTOR", "").split(",") if word)


def options():
    """--name VALUE pairs, as a dict of lists."""
    found, words = {}, iter(sys.argv[1:])
    for word in words:
        found.setdefault(word.removeprefix("--"), []).append(next(words))
    return found


def models(given):
    template = {"chat_template": "chat" in MODES} if {"base", "chat"} & MODES.keys() else {}
    for word in given.get("model", []):
        name, _, file = word.partition("=")
        digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()
        yield {"name": name, "version": digest[:12], "weights_digest": digest, "context_tokens": 4096,
               "lanes": [{"lane": "normal-0"}], **template}


class Fake:
    def __init__(self, given):
        self.instance = given["instance"][0]
        self.record = {
            "kind": KIND, "instance": self.instance, "build": "fake", "host": "here", "pid": os.getpid(),
            "started_unix_ms": int(time.time() * 1000), "ready": "unready" not in MODES, "slots_total": 4,
            "slots_free": 4, "pending": 0, "admin": "",
            "models": list(models(given)) if KIND == "executor" else []}

    async def run(self):
        self.connection = await nats.connect(os.environ["NATS_URL"], max_reconnect_attempts=-1,
                                             reconnect_time_wait=0.1)
        self.js = self.connection.jetstream()
        self.ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.on_signal)
        tasks = [asyncio.create_task(self.keep_record())]
        if KIND == "tokenizer":
            tasks.append(asyncio.create_task(self.answer_all()))
        await self.ended.wait()
        for task in tasks:
            task.cancel()
        await self.connection.close()

    def on_signal(self):
        if "linger" in MODES:
            self.record["ready"] = False
            asyncio.get_running_loop().call_later(2, self.ended.set)
        elif "deaf" not in MODES:
            self.ended.set()

    async def keep_record(self):
        bucket = await self.js.key_value("ACTORS")
        while True:
            await bucket.put(f"{KIND}.{self.instance}", json.dumps(self.record).encode())
            await asyncio.sleep(0.5)
            if "die" in MODES or self.instance.startswith(MODES.get("die-as", " ") + "-"):
                os._exit(1)
            if "die-once" in MODES and not Path(MODES["die-once"]).exists():
                Path(MODES["die-once"]).touch()
                os._exit(1)

    async def answer_all(self):
        pull = await self.js.pull_subscribe_bind("tokenizer", "REQUEST")
        while True:
            try:
                for message in await pull.fetch(1, timeout=1):
                    if "mute" not in MODES:
                        await self.answer(message)
            except nats.errors.Error:
                await asyncio.sleep(0.05)

    async def answer(self, message):
        _, tenant, _ = message.subject.split(".")
        request = (message.headers or {}).get("Rp-Request") or str(message.metadata.sequence.stream)
        body = json.loads(message.data)
        if "refuse" in MODES:
            pieces, end = [""], {"finish_reason": "error", "error": {
                "code": "prompt_too_long", "message": "the prompt has too many tokens; shorten it",
                "field": "messages", "limit": "4096 tokens"}}
        elif "endless" in MODES:
            pieces, end = endless(await self.watch_cancel(tenant, request)), {"finish_reason": "cancelled"}
        else:
            text = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
            pieces, end = ["You ", "said: ", text, ""], {"finish_reason": "stop"}
        await self.write(f"put.reply.{tenant}.{request}", request, pieces, end)
        await message.ack()

    async def watch_cancel(self, tenant, request):
        cancelled = asyncio.Event()

        async def on_cancel(_):
            cancelled.set()

        await self.connection.subscribe(f"control.{tenant}.{request}.cancel", cb=on_cancel)
        return cancelled

    async def write(self, subject, request, pieces, end):
        sequence, index = 0, 0
        last = None
        async for text in each(pieces):
            if last is not None:
                sequence = await self.store(subject, sequence, {"request": request, "index": index, "tokens": [index],
                                                                "text": last})
                index += 1
            last = text
        await self.store(subject, sequence, {"request": request, "index": index, "tokens": [], "text": last or "",
                                             "usage": {"prompt_tokens": 1, "completion_tokens": index}, **end})

    async def store(self, subject, sequence, chunk):
        try:
            ack = await self.js.publish(subject, json.dumps(chunk).encode(),
                                        headers={"Nats-Expected-Last-Subject-Sequence": str(sequence)})
            return ack.seq
        except nats.js.errors.APIError:  # stored by an earlier life
            return sequence


async def each(pieces):
    if hasattr(pieces, "__aiter__"):
        async for piece in pieces:
            yield piece
    else:
        for piece in pieces:
            yield piece


async def endless(cancelled):
    while not cancelled.is_set():
        yield "again "
        await asyncio.sleep(0.02)


if "wrong-usage" in MODES or (KIND == "executor" and Path(MODES.get("wrong-with", "/nowhere")).exists()):
    print("what is this?", file=sys.stderr)
    sys.exit(2)
asyncio.run(Fake(options()).run())
