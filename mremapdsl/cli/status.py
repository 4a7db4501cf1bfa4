"""Exit statuses."""

from __future__ import annotations

from collections.abc import Iterable

HELD, FAILED, UNUSABLE, DISAGREE, SKIPPED = range(5)
"""All held; an expectation, errno or invariant failed; the input could not be used; model and kernel disagree
(comparisons only); everything was skipped."""
INTERRUPTED, BROKEN_PIPE = 128 + 2, 128 + 13
"""As a shell reports the signals."""


def of_outcomes(outcomes: Iterable[str], *, unusable: bool) -> int:
    """The exit status of a run; ``unusable`` says that some input was not run at all."""
    seen = set(outcomes)
    if unusable or "error" in seen:
        return UNUSABLE
    if "failed" in seen:
        return FAILED
    return SKIPPED if seen == {"skipped"} else HELD
