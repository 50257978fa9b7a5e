"""A store_probe: what it is told to do, and what it hears.

    with Probe(server.url, folder, "one") as probe:
        assert probe.ask("put", "B", "key", "value", 0)["number"] == 1
        probe.tell("watch", "w", "B", ">")
        probe.until("w", "put")
"""

import itertools
import os

from support.console import Console
from support.paths import BIN

PROGRAM = BIN.parent / "tests/store_probe"
lives = itertools.count()


class Probe(Console):
    def __init__(self, url, folder, name="probe"):
        self.name = f"{name}.{os.getpid()}.{next(lives)}"  # an instance is unlike every other, over all time
        super().__init__([PROGRAM, url, self.name], folder / f"{self.name}.log")
        self.asked = 0

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
