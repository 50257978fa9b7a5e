"""A bus_probe: what it is told to do, and what it hears.

    with Probe(server.url, folder) as probe:
        probe.tell("follow", "f", "LOG", "log.>", 1)
        probe.until("f", "caught_up")
        assert probe.sequences("f") == [1, 2, 3]
"""

from support.console import Console
from support.paths import BIN

PROGRAM = BIN.parent / "tests/bus_probe"


class Probe(Console):
    def __init__(self, url, folder):
        super().__init__([PROGRAM, url], folder / "bus_probe.log")

    def ask(self, verb, id, *words):
        """Tells it and returns the first event about that id."""
        self.tell(verb, id, *words)
        return self.until(id)

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
