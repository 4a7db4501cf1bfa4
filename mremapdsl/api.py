"""The Python interface: compile scenarios, run them on the model, look at what happened.

    >>> from mremapdsl import run
    >>> [record] = run("mmap B 16; touch B; mmap A 16; touch A; mremap A after B RELOCATE; expect merged")
    >>> record.outcome
    'passed'
    >>> record.steps[-1].verdict.reason
    'relocated'
    >>> [record] = run("mmap A 4; expect vmas 2", "linux-6.18")
    >>> record.expectations[0].detail
    'parent has 1 VMA(s), expected 2'

Page numbers in records count 4 KiB pages from the start of the arena (virtual address 0x200000000000).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from mremapdsl.model.series import ALIASES, DEFAULT, RULE_SETS
from mremapdsl.program import Program, RuleChoice
from mremapdsl.record import ScenarioRecord

if TYPE_CHECKING:
    from mremapdsl.lang import Compiled, Diagnostic, Vocabulary
    from mremapdsl.model.backend import ModelBackend
    from mremapdsl.model.rules import Rules

DEFAULT_RULES = DEFAULT
"""The rule set of scenarios that name none."""
SUFFIX = ".mrs"
STRANGE = re.compile(r"[^\w.=, -]")


class CompileError(Exception):
    """The text is no program. ``diagnostics`` holds what is wrong with it, errors and warnings in order."""

    def __init__(self, text: str, diagnostics: Iterable[Diagnostic]) -> None:
        from mremapdsl.lang import render

        self.diagnostics = tuple(diagnostics)
        lines = text.split("\n")
        shown = [render(d, lines[d.line - 1] if d.line <= len(lines) else "") for d in self.diagnostics]
        super().__init__("\n".join(shown))


def run(
    text_or_path: str | os.PathLike[str], rules: str = DEFAULT_RULES, *, file: str = "", states: bool = True
) -> list[ScenarioRecord]:
    """Run every scenario of a text or file under each of its rule sets and return what happened.

    ``rules`` is for scenarios that name none, in the language's words (``"relocate-v1 with trigger=auto"``; several
    separated by commas).  ``states`` keeps the state after each step.  ``file`` is the name shown for a text.

    Errors: CompileError for a text that is no program or rules that do not exist, OSError for a file that cannot be
    read.  Expectations that fail raise nothing: see ``outcome`` of the records.
    """
    from mremapdsl.runner import run_program

    defaults = parse_rules(rules)
    return run_program(compile(text_or_path, file=file), backend, defaults, states=states, aliases=aliases())


def compile(text_or_path: str | os.PathLike[str], *, file: str = "") -> Program:  # noqa: A001
    """Compile a text, or a file (a path object, or a string that ends in ``.mrs``), without running it.

    Errors: CompileError, OSError.
    """
    if not isinstance(text_or_path, str) or text_or_path.endswith(SUFFIX):
        path = os.fspath(text_or_path)
        with open(path, "rb") as stream:
            content: str | bytes = stream.read()
        file = file or path
    else:
        content = text_or_path
    compiled = compile_text(content, file or "<text>")
    if compiled.program is None:
        text = content if isinstance(content, str) else content.decode(errors="replace")
        raise CompileError(text, compiled.diagnostics)
    return compiled.program


def compile_text(content: str | bytes, file: str) -> Compiled:
    """Compile the content of a file: its program (None if there is an error) and all diagnostics."""
    from mremapdsl import lang

    return lang.compile_text(content, file, vocabulary())


def parse_rules(text: str, *, file: str = "<rules>") -> tuple[RuleChoice, ...]:
    """Rule sets as a scenario's ``on`` takes them: ``relocate-v1 with trigger=auto, linux-6.18``.

    ``file`` is the name that diagnostics show.  Errors: CompileError for what that list would not take.
    """
    from mremapdsl.lang import Diagnostic

    before = 'scenario "" on '
    strange = STRANGE.search(text)
    if strange or not text.strip():
        what = f"`{strange[0]}` cannot stand in a list of rule sets" if strange else "no rule set is named"
        remedy = "write `NAME`, `NAME with KEY=VALUE`, or several of them with commas between"
        column = strange.start() + 1 if strange else 1
        raise CompileError(text, [Diagnostic("MRS110", "error", file, 1, column, 1, what, remedy)])
    compiled = compile_text(f"{before}{text} {{\n}}", file)
    if compiled.program is None:
        errors = [d for d in compiled.diagnostics if d.severity == "error"]
        raise CompileError(text, [_of_list(d, len(before)) for d in errors])
    return compiled.program.scenarios[0].rules


def _of_list(found: Diagnostic, before: int) -> Diagnostic:
    """What is wrong with a list of rule sets, without the scenario that was made around it."""
    message = found.message.replace("`{` cannot stand", "something is missing")
    return found._replace(
        column=max(found.column - before, 1), message=message, remedy=found.remedy.replace("`{`, ", "the end, ")
    )


# --- rule sets ---------------------------------------------------------------------------------------------------


def rule_names() -> list[str]:
    """The names of all rule sets, aliases included."""
    return [*RULE_SETS, *ALIASES]


def rules(choice: RuleChoice | str) -> Rules:
    """The rules of a choice, ready for the model.

    >>> rules("relocate-v1 with trigger=auto").choices["trigger"]
    'auto'

    Errors: CompileError for a text that names no rules, ValueError for one that names several.
    """
    from mremapdsl.model.rules import Rules

    if isinstance(choice, str):
        first, *others = parse_rules(choice)
        if others:
            raise ValueError(f"`{choice}` names {1 + len(others)} rule sets, not one")
        choice = first
    name = aliases().get(choice.name, choice.name)
    made = Rules(name, rule_sets()[name])
    return made.but(**dict(choice.overrides)) if choice.overrides else made


def backend(choice: RuleChoice | str) -> ModelBackend:
    """A fresh model machine under these rules. Errors: as for :func:`rules`."""
    from mremapdsl.model.backend import ModelBackend

    return ModelBackend(rules(choice))


def rule_sets() -> Mapping[str, Mapping[str, str]]:
    """Rule set -> decision -> choice. Aliases are not among them."""
    return RULE_SETS


def aliases() -> Mapping[str, str]:
    """Alias -> the rule set that it stands for."""
    return ALIASES


@cache
def vocabulary() -> Vocabulary:
    """The names that scenarios may use: rule sets, decisions with their choices, reasons, invariants, counts."""
    from mremapdsl.lang import Vocabulary
    from mremapdsl.model.invariants import INVARIANTS
    from mremapdsl.model.reasons import REASONS

    return Vocabulary(
        rule_sets=tuple(rule_names()),
        overrides=overrides(),
        reasons=frozenset(REASONS),
        invariants=frozenset(INVARIANTS),
        counts=COUNTS,
        aliases=aliases(),
        default=DEFAULT_RULES,
    )


COUNTS = ("vmas", "anon_vmas", "folios_relocated", "folios_undone", "folios_split", "committed", "ptes_moved",
          "pmds_moved")  # fmt: skip


def overrides() -> Mapping[str, tuple[str, ...]]:
    """Decision -> the choices that ``with`` accepts, in the order in which they are documented."""
    from mremapdsl.model import decisions as _fill  # noqa: F401  # pyright: ignore[reportUnusedImport]  (fills DECISIONS)
    from mremapdsl.model.decision import DECISIONS

    return {
        name: tuple(choice.name for choice in decision.choices.values() if not choice.wrong)
        for name, decision in DECISIONS.items()
    }
