"""Child processes that never outlive the tests.

Each is killed by its own pid when its test ends, at the latest when this process exits, and by the kernel if
this process is killed itself. Output goes to a file, which the fixtures show when a test fails.

    process = Process("tokenizer", ["build/dev/bin/reprise-tokenizer", ...], folder)
    process.start(); ...; process.stop()
"""

import atexit
import ctypes
import os
import signal
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
STOP_SECONDS = 15
PAUSE_SECONDS = 5
TAIL_BYTES = 6000

living = set()


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@atexit.register
def kill_living():
    for process in list(living):
        process.kill()


def free_port():
    """A loopback port that nobody listens on now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds, what):
    """Polls `condition` until it is true and returns its value; TimeoutError, naming `what`, otherwise."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


class Process:
    """A command that can be started, ended in several ways, and started again. One log for all its lives."""

    def __init__(self, name, command, folder, environment=None):
        self.name = name
        self.command = [str(word) for word in command]
        self.log = folder / f"{name}.log"
        self.environment = {**os.environ, **(environment or {})}
        self.child = None

    @property
    def pid(self):
        return self.child.pid

    @property
    def running(self):
        return self.child is not None and self.child.poll() is None

    def start(self):
        assert not self.running, f"{self.name} runs already"
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment,
                preexec_fn=die_with_parent)
        living.add(self)
        return self

    def wait(self, seconds):
        """Its exit status; negative for a signal, as subprocess has it."""
        try:
            status = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} did not end within {seconds} s:\n{self.tail()}") from None
        living.discard(self)
        return status

    def stop(self, seconds=STOP_SECONDS):
        """Asks it to end (SIGTERM) and returns its exit status."""
        if not self.running:
            return self.child and self.child.returncode
        self.child.send_signal(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except TimeoutError:
            self.kill()
            raise

    def kill(self):
        """kill -9."""
        if self.running:
            self.child.kill()
            self.child.wait()
        living.discard(self)

    def pause(self):
        """Stops it (SIGSTOP). It takes effect a little later, thread by thread: only then does this return."""
        self.child.send_signal(signal.SIGSTOP)
        wait_until(self.stands_still, PAUSE_SECONDS, f"{self.name} stands still")

    def stands_still(self):
        """Whether each of its threads is stopped."""
        try:
            tasks = [stat.read_text() for stat in Path(f"/proc/{self.pid}/task").glob("*/stat")]
        except OSError:  # one of them has just ended
            return False
        return all(task.rpartition(")")[2].split()[0] == "T" for task in tasks)

    def resume(self):
        self.child.send_signal(signal.SIGCONT)

    def tail(self):
        """The end of its log."""
        if not self.log.exists():
            return ""
        with open(self.log, "rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL_BYTES))
            return log.read().decode("utf-8", "replace")
