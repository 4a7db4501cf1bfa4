"""What is printed seldom: the version, the list of rules, diagnostics."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Sequence

from mremapdsl import __version__, api
from mremapdsl.lang import Diagnostic, render
from mremapdsl.model.decision import DECISIONS, Decision
from mremapdsl.trace.style import Style, paragraph


def version() -> str:
    """Program, interpreter, rules."""
    python = platform.python_version()
    head = f"mremapdsl {__version__} (Python {python})"
    rules = f"rules: {', '.join(api.rule_names())} (default: {api.DEFAULT_RULES})"
    return "".join(f"{line}\n" for line in (head, *paragraph(rules, "", "    ", 80)))


def list_rules(style: Style) -> str:
    """The rule sets, and each decision with its choices and who decides so."""
    return "".join(f"{line}\n" for line in _list_rules(style))


def _list_rules(style: Style) -> Iterator[str]:
    yield style.paint("bold", "rule sets")
    aliases = api.aliases()
    for name in api.rule_names():
        words = [f"the same as {aliases[name]}"] if name in aliases else []
        words += ["the default"] if name == api.DEFAULT_RULES else []
        yield f"  {name}" + (f"  ({', '.join(words)})" if words else "")
    yield ""
    yield style.paint("bold", "decisions: `RULES with DECISION=CHOICE, ...` overrides them one by one;")
    yield style.paint("bold", f"`DECISION=CHOICE` alone is {api.DEFAULT_RULES} with this one")
    for name in api.overrides():
        yield ""
        yield from _decision(DECISIONS[name], style)


def _decision(decision: Decision, style: Style) -> Iterator[str]:
    yield f"  {style.paint('bold', decision.name)}  ({decision.function})"
    yield from paragraph(" ".join(decision.doc.split()), "    ", "    ", style.width)
    for choice in decision.choices.values():
        if not choice.wrong:
            sets = [name for name, chosen in api.rule_sets().items() if chosen[decision.name] == choice.name]
            who = "all rule sets" if len(sets) == len(api.rule_sets()) else ", ".join(sets) or "by override only"
            text = f"{choice.name}: {' '.join(choice.doc.split())} [{who}]"
            yield from paragraph(text, "      ", "          ", style.width)


def list_reasons(style: Style) -> str:
    """The reasons that verdicts and their notes name, and what each says: ``fallback because REASON``."""
    return "".join(f"{line}\n" for line in _list_reasons(style))


def _list_reasons(style: Style) -> Iterator[str]:
    from mremapdsl.model.reasons import REASONS

    for name, reason in REASONS.items():
        outcome = f"{reason.outcome}: " if reason.outcome else ""
        text = outcome + PLACEHOLDER.sub("…", reason.sentence)
        yield f"{style.paint('bold', name)}  ({reason.function})"
        yield from paragraph(text, "    ", "        ", style.width)


PLACEHOLDER = re.compile(r"\{[^{}]*\}")
"""A value in the sentence of a reason."""


def diagnostics(content: bytes, found: Sequence[Diagnostic], *, color: bool) -> str:
    """Diagnostics with the lines that they are about."""
    lines = content.decode("utf-8", errors="replace").removeprefix("\ufeff").split("\n")
    return "\n".join(render(d, lines[d.line - 1].rstrip("\r") if d.line <= len(lines) else "", color) for d in found)
