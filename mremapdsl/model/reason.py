"""Why a call did what it did: stable names with a sentence and the kernel function behind each."""

from __future__ import annotations

from typing import Any, NamedTuple


class Why(NamedTuple):
    """One decision as it fell: the name of the reason and the values that decided."""

    reason: str
    values: dict[str, Any]


def why(reason: str, /, **values: Any) -> Why:
    return Why(reason, values)


class Reason(NamedTuple):
    function: str
    """``file:function`` of the kernel code that decides so."""
    sentence: str
    """A ``str.format`` template over the values."""


class Refused(Exception):
    """The kernel says no: the errno that the call returns and the reason. What was done so far stays done."""

    def __init__(self, errno: str, reason: Why) -> None:
        super().__init__(errno, reason)
        self.errno = errno
        self.reason = reason


def refuse(errno: str, reason: str, /, **values: Any) -> Refused:
    return Refused(errno, Why(reason, values))


class NotModelled(Exception):
    """The model does not know this yet; the message says what."""
