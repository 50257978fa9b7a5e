"""A bus_probe: what it is told to do, and what it hears.

    with Probe(server.url, folder) as probe:
        probe.tell("follow", "f", "LOG", "log.>", 1)
        probe.until("f", "caught_up")
        assert probe.sequences("f") == [1, 2, 3]
"""

import json
import os
import subprocess
import threading

from support.paths import BIN
from support.process import die_with_parent, wait_until

PROGRAM = BIN.parent / "tests/bus_probe"
PATIENCE_SECONDS = 30


class Probe:
    def __init__(self, url, folder):
        self.url = url
        self.log = folder / "bus_probe.log"
        self.events = []
        self.told = threading.Condition()

    def __enter__(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen([str(PROGRAM), self.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                          stderr=log, text=True, preexec_fn=die_with_parent, env=os.environ)
        threading.Thread(target=self.listen, daemon=True).start()
        self.until("bus", "connected")
        return self

    def __exit__(self, kind, *_):
        self.child.stdin.close()
        try:
            status = self.child.wait(PATIENCE_SECONDS)
        finally:
            self.child.kill()
        if kind:
            print(self.log.read_text()[-4000:])
        else:
            assert status == 0, f"bus_probe ended with {status}:\n{self.log.read_text()[-4000:]}"

    def listen(self):
        for line in self.child.stdout:
            with self.told:
                self.events.append(json.loads(line))
                self.told.notify_all()

    def tell(self, *words):
        self.tell_at_once(words)

    def tell_at_once(self, *commands):
        """One write, so that the probe obeys all of them before it hears of anything."""
        self.child.stdin.write("".join(" ".join(str(word) for word in words) + "\n" for words in commands))
        self.child.stdin.flush()

    def of(self, id, *kinds):
        """Its events of these kinds, all without any, in their order."""
        with self.told:
            return [event for event in self.events if event["id"] == id and (not kinds or event["event"] in kinds)]

    def until(self, id, kind, count=1):
        """The count-th event of this kind, once it is there."""
        with self.told:
            seen = self.told.wait_for(lambda: len(self.of_held(id, kind)) >= count, PATIENCE_SECONDS)
            assert seen, f"no {kind} of {id} ({count}); the last events: {self.events[-5:]}"
            return self.of_held(id, kind)[count - 1]

    def of_held(self, id, kind):
        return [event for event in self.events if event["id"] == id and event["event"] == kind]

    def ask(self, verb, id, *words):
        """Tells it and returns the first event about that id."""
        self.tell(verb, id, *words)
        wait_until(lambda: self.of(id), PATIENCE_SECONDS, f"an answer to {verb}")
        return self.of(id)[0]

    def sequences(self, id):
        return [event["sequence"] for event in self.of(id, "message")]

    def heard(self, id, count):
        """Its messages' sequences, once there are so many."""
        self.until(id, "message", count)
        return self.sequences(id)

    def story(self, id):
        """Messages as their sequences, losses as pairs, in the order of the telling."""
        return [event["sequence"] if event["event"] == "message" else (event["expected"], event["first"])
                for event in self.of(id, "message", "lost")]
