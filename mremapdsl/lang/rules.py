"""Rule sets and the decisions that ``with`` overrides."""

from __future__ import annotations

import re

from mremapdsl.lang.context import Context, Vocabulary
from mremapdsl.lang.diagnostics import Problem
from mremapdsl.lang.syntax import Override, RuleList, RuleNames, Token
from mremapdsl.lang.words import meant, nearest
from mremapdsl.program import RuleChoice


def choices(vocabulary: Vocabulary, node: RuleList) -> tuple[RuleChoice, ...]:
    """The rule sets of a list, each with its overrides. Raises Problem (MRS123, MRS21x).

    A ``key=value`` behind ``with`` continues it; any other is an alternative of the rule set named last, or of the
    default.
    """
    found: list[tuple[str, list[Override]]] = []
    name, continues = vocabulary.default, False
    for item in node.items:
        if not isinstance(item, Override):
            check(vocabulary, item.name)
            name, continues = item.name.text, item.override is not None
            found.append((name, [item.override] if item.override else []))
        elif continues:
            found[-1][1].append(item)
        else:
            found.append((name, [item]))
    return tuple(RuleChoice(name, overrides(vocabulary, given)) for name, given in found)


def overrides(vocabulary: Vocabulary, given: list[Override]) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for override in given:
        key, value = override.key, override.value
        if key.text not in vocabulary.overrides:
            raise unknown("MRS211", "decision", key, [*vocabulary.overrides])
        if value.text not in vocabulary.overrides[key.text]:
            raise unknown("MRS212", f"alternative of `{key.text}`", value, [*vocabulary.overrides[key.text]])
        if key.text in found:
            raise Problem("MRS123", key.start, key.end, f"`{key.text}` is given twice",
                          "delete one of them, or write the alternatives without `with`: "
                          f"`NAME, {key.text}={found[key.text]}, {key.text}={value.text}`")  # fmt: skip
        found[key.text] = value.text
    return tuple(found.items())


def check(vocabulary: Vocabulary, name: Token) -> None:
    """Raises Problem (MRS210) if there is no such rule set."""
    if name.text not in vocabulary.rule_sets:
        raise unknown("MRS210", "rule set", name, [*vocabulary.rule_sets])


def unknown(code: str, what: str, name: Token, known: list[str]) -> Problem:
    remedy = remedy_for(name.text, known)
    return Problem(code, name.start, name.end, f"no {what} is named `{name.text}`", remedy)


def remedy_for(name: str, known: list[str]) -> str:
    """The nearest of the names that are known."""
    if versions := neighbours(name, known):
        return f"nearest is {', then '.join(f'`{version}`' for version in versions)}; --list-rules shows all"
    if near := meant(name, known):
        return f"did you mean `{near}`?"
    if len(known) > MOST_LISTED:
        return f"nearest are: {', '.join(nearest(name, known))} (--list-rules shows all)"
    return f"known are: {', '.join(known)}"


MOST_LISTED = 20
VERSION = re.compile(r"(.*?)(\d+)\.(\d+)")


def neighbours(name: str, known: list[str]) -> list[str]:
    """For a version that is not known, the last one before it and the first one behind it."""
    if not (wanted := VERSION.fullmatch(name)):
        return []
    found = {(int(each[2]), int(each[3])): each[0]
             for each in map(VERSION.fullmatch, known) if each and each[1] == wanted[1]}  # fmt: skip
    here = int(wanted[2]), int(wanted[3])
    before, behind = [v for v in found if v < here], [v for v in found if v > here]
    return [found[version] for version in (*sorted(before)[-1:], *sorted(behind)[:1])]


def expected_on(context: Context, node: RuleNames | None) -> tuple[str, ...]:
    """The rule sets that an expectation holds for; warns (MRS403) of one that its scenario never runs under."""
    if node is None:
        return ()
    vocabulary = context.vocabulary
    running = {vocabulary.aliases.get(rules.name, rules.name) for rules in context.rules}
    for name in node.names:
        check(vocabulary, name)
        if running and vocabulary.aliases.get(name.text, name.text) not in running:
            context.findings.warn(
                "MRS403", name, f"the scenario never runs under `{name.text}`",
                f"it runs under {', '.join(map(str, context.rules))}",
            )  # fmt: skip
    return tuple(name.text for name in node.names)
