"""A rule set: one choice for every decision of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mremapdsl.model import decisions as _fill  # noqa: F401  # pyright: ignore[reportUnusedImport]  (fills DECISIONS)
from mremapdsl.model.decision import DECISIONS


class Rules:
    """``rules.<decision>`` is the value of the chosen choice: a function of a small question, or a constant."""

    def __init__(self, name: str, choices: Mapping[str, str]) -> None:
        wrong = DECISIONS.keys() ^ choices.keys()
        if wrong:
            raise ValueError(f"{name}: decisions without a choice, or choices without a decision: {sorted(wrong)}")
        self.name = name
        self.choices = dict(choices)
        self.__dict__.update({key: DECISIONS[key].choices[word].value for key, word in choices.items()})

    if TYPE_CHECKING:

        def __getattr__(self, decision: str) -> Any: ...

    def but(self, **choices: str) -> Rules:
        """The same with some decisions overridden."""
        suffix = ", ".join(f"{key}={word}" for key, word in choices.items())
        return Rules(f"{self.name} with {suffix}", {**self.choices, **choices})
