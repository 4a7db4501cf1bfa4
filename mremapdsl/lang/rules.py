"""Rule sets and the decisions that ``with`` overrides."""

from __future__ import annotations

from mremapdsl.lang.context import Context, Vocabulary
from mremapdsl.lang.diagnostics import Problem
from mremapdsl.lang.syntax import Override, RuleList, RuleNames, Token
from mremapdsl.lang.words import meant
from mremapdsl.program import RuleChoice


def choices(vocabulary: Vocabulary, node: RuleList) -> tuple[RuleChoice, ...]:
    """The rule sets of a list, each with its overrides. Raises Problem (MRS124, MRS21x)."""
    found: list[tuple[Token, list[Override]]] = []
    for item in node.items:
        if not isinstance(item, Override):
            check(vocabulary, item.name)
            found.append((item.name, [item.override] if item.override else []))
        elif found and found[-1][1]:
            found[-1][1].append(item)
        else:
            override, name = f"{item.key.text}={item.value.text}", found[-1][0].text if found else "RULES"
            raise Problem("MRS101", item.start, item.end, f"`{override}` has no `with` before it",
                          f"write `{name} with {override}`")  # fmt: skip
    return tuple(RuleChoice(name.text, overrides(vocabulary, given)) for name, given in found)


def overrides(vocabulary: Vocabulary, given: list[Override]) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for override in given:
        key, value = override.key, override.value
        if key.text not in vocabulary.overrides:
            raise unknown("MRS211", "decision", key, [*vocabulary.overrides])
        if value.text not in vocabulary.overrides[key.text]:
            raise unknown("MRS212", f"alternative of `{key.text}`", value, [*vocabulary.overrides[key.text]])
        if key.text in found:
            raise Problem("MRS123", key.start, key.end, f"`{key.text}` is given twice", "delete one of them")
        found[key.text] = value.text
    return tuple(found.items())


def check(vocabulary: Vocabulary, name: Token) -> None:
    """Raises Problem (MRS210) if there is no such rule set."""
    if name.text not in vocabulary.rule_sets:
        raise unknown("MRS210", "rule set", name, [*vocabulary.rule_sets])


def unknown(code: str, what: str, name: Token, known: list[str]) -> Problem:
    near = meant(name.text, known)
    remedy = f"did you mean `{near}`?" if near else f"known are: {', '.join(known)}"
    return Problem(code, name.start, name.end, f"no {what} is named `{name.text}`", remedy)


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
