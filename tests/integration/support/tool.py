"""`reprise`, the tool, as a person at a terminal has it.

    tool = Tool(folder)                       # the binary in a folder of its own, with fake actors beside it
    tool.run("status", "--server", url)       # to its end; fails unless it ends with status 0, or status=...
    with tool.up() as up: ...                 # a `reprise up` that is ready, in the background
    process = tool.begin("ask", "x", NATS_URL=tool.url)

Where actors with a model are needed, fake_actor.py stands in for them: this is about what the tool does, whatever a
model says. The janitor is the real one.
Nothing of the environment that starts with NATS_ or REPRISE_ reaches it but what a test gives.
"""

import asyncio
import contextlib
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .paths import NATS_SERVER, program
from .process import Process, free_port, wait_until

FAKE = Path(__file__).with_name("fake_actor.py")
OK, FAILED, USAGE, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 130
NOWHERE = "nats://127.0.0.1:1"


def environment(**more):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NATS_", "REPRISE_"))}
    return {**clean, **{name: str(value) for name, value in more.items()}}


class Tool:
    def __init__(self, folder):
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        shutil.copy(program("reprise"), self.bin / "reprise")
        shutil.copy(program("reprise-janitor"), self.bin / "reprise-janitor")  # it needs no model
        for kind in ("tokenizer", "executor"):
            fake = self.bin / f"reprise-{kind}"
            fake.write_text(f"#!{sys.executable}\n" + FAKE.read_text().partition("\n")[2])
            fake.chmod(0o755)
        self.model = folder / "tiny.gguf"
        self.model.write_bytes(b"GGUF and nothing else")
        self.data = folder / "data"
        self.port = free_port()
        self.numbers = itertools.count(1)

    @property
    def url(self):
        """Of the server that our `up` starts."""
        return f"nats://127.0.0.1:{self.port}"

    def command(self, *words):
        return [str(self.bin / "reprise"), *map(str, words)]

    def run(self, *words, status=OK, seconds=60, text="", **more):
        done = subprocess.run(self.command(*words), input=text, capture_output=True, text=True, timeout=seconds,
                              env=environment(**more))
        assert done.returncode == status, f"{done.returncode}, not {status}:\n{done.stdout}{done.stderr}"
        return done

    def begin(self, *words, **more):
        """The same in the background, with a log of its own."""
        process = Process(f"{words[0]}-{next(self.numbers)}", self.command(*words), self.folder)
        process.environment = environment(**more)
        return process.start()

    def up_words(self, *words, model=None):
        return ["up", "--model", f"tiny={model or self.model}", "--data", self.data, "--port", self.port,
                "--nats-server", NATS_SERVER, *words]

    @contextlib.contextmanager
    def up(self, *words, **more):
        process = self.begin(*(words or self.up_words()), **more)
        try:
            wait_until(lambda: "is ready" in process.tail() or not process.running, 20, "reprise up")
            assert process.running, process.tail()
            yield process
        finally:
            if process.running:
                process.stop(30)

    def processes(self):
        """The pids of all that runs out of our folder, the server included."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if str(self.folder) in line and (str(self.bin) in line or "nats-server" in line):
                    found[int(entry.parent.name)] = line
        return found

    def serves(self):
        done = subprocess.run(self.command("status", "--server", self.url), capture_output=True, env=environment())
        return done.returncode == OK

    def pid_of(self, words):
        (pid,) = [pid for pid, line in self.processes().items() if words in line and "_child" not in line]
        return pid


async def published(js, stream, count=1):
    """Waits until the stream holds so many messages."""
    for _ in range(200):
        if (await js.stream_info(stream)).state.messages >= count:
            return
        await asyncio.sleep(0.02)
    raise TimeoutError(f"nothing was published to {stream}")
