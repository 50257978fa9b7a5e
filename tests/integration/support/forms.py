"""A test's two forms: short in every run, long with RP_LONG=1 (the marker `long`; .ci/run selects it)."""

import pytest

LONG_SECONDS_MAX = 600


def forms(name, short, long):
    """Runs the test with `name` = short, and with long as its long form."""
    marks = [pytest.mark.long, pytest.mark.timeout(LONG_SECONDS_MAX)]
    return pytest.mark.parametrize(name, [short, pytest.param(long, marks=marks)])
