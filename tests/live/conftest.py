"""For the tests that need a running kernel whose rules are known."""

from __future__ import annotations

import fcntl
import os
import time
from functools import cache

import pytest

from mremapdsl import api
from mremapdsl.backend import Unsupported
from mremapdsl.live.probe import release
from mremapdsl.live.runtime import directory
from mremapdsl.live.session import Session
from tests.cli.conftest import cli  # noqa: F401  (a fixture)

PATIENCE = 8.0
"""Seconds to wait for a live run that is none of these tests', altogether."""


@pytest.fixture
def kernel() -> str:
    """``Linux 6.18.44``; the test is skipped where live runs cannot be had."""
    why = others_run() or why_not()
    if why:
        pytest.skip(why)
    return f"Linux {release()}"


@pytest.fixture
def root(kernel: str) -> str:
    """The same, for tests that see page frames."""
    if os.geteuid():
        pytest.skip("only root sees page frames and can change settings")
    return kernel


@pytest.fixture
def own_rules(kernel: str) -> str:
    """The rule set that follows the running kernel; the test is skipped where none follows this very release."""
    with Session() as session:
        name = session.rules(list(api.rule_sets()))
    if name is None or not release().startswith(name.rpartition("-")[2]):
        pytest.skip(f"no rule set follows {kernel}")
    return name


@cache
def why_not() -> str:
    """Why there are no live runs on this machine; empty if there are."""
    try:
        Session().close()
    except Unsupported as unsupported:
        return f"no live run: {unsupported}"
    return ""


waited = [0.0]
"""Seconds."""


def others_run() -> str:
    """Waits until no live run is under way; if that takes too long, says so."""
    try:
        lock = os.open(os.path.join(directory(), "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except (OSError, Unsupported) as error:
        return f"no live run: {error}"
    started = time.monotonic()
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waited[0] + time.monotonic() - started > PATIENCE:
                    return "another live run is under way"
                time.sleep(0.02)
            else:
                return ""
    finally:
        waited[0] += time.monotonic() - started
        os.close(lock)
