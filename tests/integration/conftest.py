"""Tests with a real nats-server and real actors; see support/."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support.fixtures import *  # noqa: E402,F401,F403 fixtures and hooks
