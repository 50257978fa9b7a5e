"""What every Python test shares: which tests are left out on this machine, and the reason, which tests/run prints."""

import os
from pathlib import Path

import pytest

LEFT_OUT = {
    "long": (lambda: os.environ.get("RP_LONG") == "1", "takes minutes; .ci/run runs it (RP_LONG=1)"),
    "gpu": (lambda: Path("/dev/nvidia0").exists(), "no GPU on this machine"),
}


def pytest_collection_modifyitems(items):
    for marker, (is_wanted, reason) in LEFT_OUT.items():
        if is_wanted():
            continue
        for item in items:
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))
