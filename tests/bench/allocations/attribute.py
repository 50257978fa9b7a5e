"""Whose the allocations are that allocations.c has counted in a process.

    maps = Path(f"/proc/{pid}/maps").read_text()        # while it runs
    for site in sites(stacks.read_text(), maps, binary, nats_library): ...

Of a stack, the innermost frame that lies in the actor's own binary decides: what allocates is that function,
or a shared library (libc, protobuf-c, yyjson, libuv) on its behalf. nats.c is linked in statically and has no
debug information, so a function is nats.c's where libnats_static.a defines its name and the binary knows no
source line for it; all the rest of the binary is ours. A stack without a frame in the binary belongs to the
shared library that it lies in (a thread of the admin endpoint's, say), and is counted apart too.
"""

import re
import subprocess
from collections import Counter, namedtuple
from functools import cache
from pathlib import Path

Site = namedtuple("Site", "owner count bytes where")  # owner: "ours", "nats.c", or a shared library's name
Mapping = namedtuple("Mapping", "start end offset path")

OURSELVES = "libbench_allocations.so"
FRAMES_SHOWN = 4


def mappings(maps):
    for line in maps.splitlines():
        found = re.match(r"([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \d+ +(/.*)", line)
        if found:
            start, end, offset = (int(part, 16) for part in found.group(1, 2, 3))
            yield Mapping(start, end, offset, found.group(4))


@cache
def symbols_of(library):
    done = subprocess.run(["nm", "--defined-only", library], capture_output=True, text=True, check=True)
    return frozenset(line.split()[-1] for line in done.stdout.splitlines() if re.search(r" [tTwW] ", line))


def functions_of(binary, addresses):
    """(function, file:line) of each address."""
    if not addresses:
        return {}
    done = subprocess.run(["addr2line", "-f", "-e", binary], input="\n".join(map(hex, addresses)),
                          capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    return dict(zip(addresses, zip(lines[::2], (line.split(" (")[0] for line in lines[1::2]))))


class Process:
    """The memory map of one process, whose binary is at `binary`."""

    def __init__(self, maps, binary):
        self.binary = str(Path(binary).resolve())
        self.mappings = list(mappings(maps))
        self.base = min(m.start - m.offset for m in self.mappings if m.path == self.binary)

    def module(self, address):
        for mapping in self.mappings:
            if mapping.start <= address < mapping.end:
                return mapping.path
        return "?"

    def own(self, frames):
        """Of return addresses, those in the binary, as addresses of the calls in its file."""
        return [frame - self.base - 1 for frame in frames if self.module(frame) == self.binary]


def sites(text, maps, binary, nats_library):
    """Sites by owner and place, the busiest first. Fails where stacks were dropped."""
    process = Process(maps, binary)
    *lines, last = text.splitlines()
    assert last.split() == ["dropped", "0"], f"the table of stacks was too small: {last}"
    stacks = []
    for line in lines:
        count, size, *frames = line.split()
        stacks.append((int(count), int(size), [int(frame, 16) for frame in frames]))
    names = functions_of(process.binary, sorted({a for *_, frames in stacks for a in process.own(frames)}))
    nats = symbols_of(nats_library)
    counts, sizes = Counter(), Counter()
    for count, size, frames in stacks:
        key = attribute(process, names, nats, frames)
        counts[key] += count
        sizes[key] += size
    return [Site(owner, count, sizes[owner, where], where) for (owner, where), count in counts.most_common()]


def attribute(process, names, nats, frames):
    own = [names[address] for address in process.own(frames)]
    if not own:
        modules = [Path(process.module(frame)).name for frame in frames]
        return next(name for name in modules if name != OURSELVES), "no frame of the binary"
    function, place = own[0]
    if not known(place) and function in nats:
        return "nats.c", function
    return "ours", " < ".join(f"{name} ({short(line)})" for name, line in own[:FRAMES_SHOWN])


def known(place):
    """addr2line says "??:?", or "hash.c.o:?" of a static function, where there is no debug information."""
    return not place.endswith("?")


def short(place):
    return re.sub(r"^.*/(?=(runtime|actors|kernels|schemas)/)", "", place)
