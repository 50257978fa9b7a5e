"""A store_probe: what it is told to do, and what it hears.

    with Probe(server.url, folder, "one") as probe:
        assert probe.ask("put", "p", "B", "key", "value", 0)["number"] == 1
        probe.tell("watch", "w", "B", ">")
        probe.until("w", "put")
"""

import itertools
import json
import os
import signal
import subprocess
import threading

from support.paths import BIN
from support.process import die_with_parent

PROGRAM = BIN.parent / "tests/store_probe"
PATIENCE_SECONDS = 30
lives = itertools.count()


class Probe:
    def __init__(self, url, folder, name="probe"):
        self.url = url
        self.name = f"{name}.{os.getpid()}.{next(lives)}"  # an instance is unlike every other, over all time
        self.log = folder / f"{self.name}.log"
        self.events = []
        self.told = threading.Condition()
        self.child = None
        self.asked = 0

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
            assert status in (0, -signal.SIGKILL), f"store_probe: {status}\n{self.log.read_text()[-4000:]}"

    def start(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen([str(PROGRAM), self.url, self.name], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, stderr=log, text=True,
                                          preexec_fn=die_with_parent)
        threading.Thread(target=self.listen, daemon=True).start()
        self.until("bus", "connected")
        return self

    def listen(self):
        for line in self.child.stdout:
            with self.told:
                self.events.append(json.loads(line))
                self.told.notify_all()

    def tell(self, *words):
        self.child.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.child.stdin.flush()

    def of(self, id, *kinds):
        """Its events of these kinds, all without any, in their order."""
        with self.told:
            return [event for event in self.events if event["id"] == id and (not kinds or event["event"] in kinds)]

    def until(self, id, kind=None, count=1, seconds=PATIENCE_SECONDS):
        """The count-th event of this kind, once it is there."""
        def found():
            return [event for event in self.events
                    if event["id"] == id and kind in (None, event["event"])]
        with self.told:
            seen = self.told.wait_for(lambda: len(found()) >= count, seconds)
            assert seen, f"no {kind} of {id} ({count}) at {self.name}; the last events: {self.events[-5:]}"
            return found()[count - 1]

    def ask(self, verb, *words):
        """Tells it, under an id of its own, and returns the first event about that."""
        self.asked += 1
        self.tell(verb, f"a{self.asked}", *words)
        return self.until(f"a{self.asked}")

    def told_until_end(self, verb, *words):
        """(event, text, number) of everything up to the end."""
        self.asked += 1
        id = f"a{self.asked}"
        self.tell(verb, id, *words)
        end = self.until(id, "end")
        assert end["status"] == "ok", end
        return [(event["event"], event["text"], event["number"]) for event in self.of(id)[:-1]]
