"""Where things are. tests/run says it through the environment; by hand the defaults do."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(os.environ.get("REPRISE_BIN", ROOT / "build/dev/bin"))
NATS_SERVER = Path(os.environ.get("REPRISE_NATS_SERVER", ROOT / ".deps/bin/nats-server"))
NATS_CONFIG = ROOT / "deploy/nats.conf"
SCHEMAS = ROOT / "schemas"
REFERENCE = ROOT / "tests/reference"
REFERENCE_DATA = REFERENCE / "data"

if str(REFERENCE) not in sys.path:
    sys.path.append(str(REFERENCE))  # tiny_model, vocabulary and the others are modules of their own


def program(name):
    """The path of one of our binaries; says what to do where it is missing."""
    path = BIN / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: build first (tests/run does), or set REPRISE_BIN")
    return path
