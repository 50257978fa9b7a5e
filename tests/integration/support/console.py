"""A program of ours on a command line: what it is told to do, one command a line, and the events it tells of.

Each event is a JSON object with the id of the command that it came of. bus/probe.py and store/probe.py are such.
"""

import json
import signal
import subprocess
import threading

from .process import die_with_parent

PATIENCE_SECONDS = 30


class Console:
    """`command` runs with its log in `log`. A child that was killed on purpose may end so."""

    def __init__(self, command, log):
        self.command = [str(word) for word in command]
        self.log = log
        self.events = []
        self.told = threading.Condition()
        self.child = None

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGCONT)
            self.child.stdin.close()
        try:
            status = self.child.wait(PATIENCE_SECONDS)
        finally:
            self.child.kill()
        if kind:
            print(self.log.read_text()[-4000:])
        else:
            assert status in (0, -signal.SIGKILL), f"{self.command[0]}: {status}\n{self.log.read_text()[-4000:]}"

    def start(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                          text=True, preexec_fn=die_with_parent)
        threading.Thread(target=self.listen, daemon=True).start()
        self.until("bus", "connected")
        return self

    def listen(self):
        for line in self.child.stdout:
            with self.told:
                self.events.append(json.loads(line))
                self.told.notify_all()

    def tell(self, *words):
        self.tell_at_once(words)

    def tell_at_once(self, *commands):
        """One write, so that it obeys all of them before it hears of anything."""
        self.child.stdin.write("".join(" ".join(str(word) for word in words) + "\n" for words in commands))
        self.child.stdin.flush()

    def found(self, id, kinds):
        return [event for event in self.events if event["id"] == id and (not kinds or event["event"] in kinds)]

    def of(self, id, *kinds):
        """Its events of these kinds, all without any, in their order."""
        with self.told:
            return self.found(id, kinds)

    def until(self, id, kind=None, count=1, seconds=PATIENCE_SECONDS):
        """The count-th event of this kind, once it is there."""
        kinds = [kind] if kind else []
        with self.told:
            seen = self.told.wait_for(lambda: len(self.found(id, kinds)) >= count, seconds)
            assert seen, f"no {kind} of {id} ({count}) at {self.log.stem}; the last events: {self.events[-5:]}"
            return self.found(id, kinds)[count - 1]
