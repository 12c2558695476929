"""What all tests share: how many programs Hypothesis draws, and that it draws the same ones in each run."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "laws",
    deadline=None,  # one core may be shared by several runs
    derandomize=True,  # a red test stays red, and a green one green
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("laws")


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Refuse names that differ from process to process: `pytest -n` hands tests out by name."""
    named = [item.nodeid for item in items if re.search(r" at 0x[0-9a-f]{4}", item.nodeid)]
    if named:
        msg = f"These tests are named after addresses in memory; give their parameters ids: {named}"
        raise pytest.UsageError(msg)
