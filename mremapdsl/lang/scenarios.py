"""The scenarios of a file: their rules, titles, places and warnings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mremapdsl.lang import syntax
from mremapdsl.lang.compile import execute, run
from mremapdsl.lang.context import Context, Findings, Slots, Vocabulary
from mremapdsl.lang.diagnostics import Problem
from mremapdsl.lang.docs import Docs
from mremapdsl.lang.places import USUAL, spread
from mremapdsl.lang.rules import choices
from mremapdsl.lang.text import Source
from mremapdsl.lang.walk import stands_in
from mremapdsl.program import RuleChoice, Scenario


class Unit(NamedTuple):
    """A file while it is compiled."""

    source: Source
    vocabulary: Vocabulary
    findings: Findings
    docs: Docs
    top: Context
    """What stands outside scenarios: constants, and what faulty statements may have defined."""
    clean: bool
    """The text has no syntax errors: what it does not say is worth a warning."""
    rules: tuple[RuleChoice, ...] = ()


def compile_file(
    source: Source, vocabulary: Vocabulary, findings: Findings, docs: Docs, body: syntax.Body
) -> tuple[Scenario, ...]:
    """The scenarios of a file; a file without ``scenario`` is one."""
    top = Context(source, vocabulary, findings, Slots(USUAL))
    unit = Unit(source, vocabulary, findings, docs, top, clean=not findings.errors)
    if not any(isinstance(node, syntax.Scenario) for node in body):
        return (compile_scenario(unit, None, body),)
    if isinstance(body[0], syntax.Rules):
        unit = unit._replace(rules=choose_rules(unit, None, body))
        body = body[1:]
    made = tuple(compile_parts(unit, body))
    warn_unused(unit, unit.top)
    return made


def compile_parts(unit: Unit, body: syntax.Body) -> Iterator[Scenario]:
    """The scenarios of a file that has ``scenario`` blocks, with the constants between them."""
    titles: set[str] = set()
    outside = False
    for node in body:
        if isinstance(node, syntax.Scenario):
            outside = False
            made = compile_scenario(unit, node, node.body)
            if made.title in titles and not stands_in(node):
                unit.findings.warn("MRS405", node.title, f"there is a scenario `{made.title}` before this one",
                                   "give each scenario its own title: reports name it")  # fmt: skip
            titles.add(made.title)
            yield made
        elif isinstance(node, syntax.Let | syntax.Rules | syntax.Bad) or stands_in(node):
            execute(unit.top, node)
        elif not outside:  # one is enough: where one statement went astray, more did
            outside = True
            unit.findings.add(Problem("MRS122", node.start, node.end, "this stands outside the scenarios of the file",
                                      "move it into one of them"))  # fmt: skip


def compile_scenario(unit: Unit, node: syntax.Scenario | None, body: syntax.Body) -> Scenario:
    """Compile one scenario; ``node`` is None for a file without ``scenario``."""
    rules = choose_rules(unit, node, body)
    statements = body[1:] if body and isinstance(body[0], syntax.Rules) else body
    context = settle(unit, statements, rules)
    unit.findings.take(context.findings.problems.values())
    unit.top.mentioned |= context.mentioned
    if unit.clean and not context.expects and not context.skipped:
        start, end = (node.start, node.title.end) if node else (body[0].start, body[0].end) if body else (0, 1)
        unit.findings.add(Problem("MRS404", start, end, "the scenario expects nothing",
                                  "add an `expect` that would fail if the kernel were wrong"))  # fmt: skip
    warn_unused(unit, context)
    line = unit.source.line(node.start if node else body[0].start if body else 0)
    title = unit.source.title() if node is None else syntax.unquoted(node.title)
    doc = unit.docs.scenario if node is None else unit.docs.by_start.get(node.start, "")
    return Scenario(title, line, rules, tuple(context.body), tuple(context.places.values()), doc)


def settle(unit: Unit, body: syntax.Body, rules: tuple[RuleChoice, ...]) -> Context:
    """Compile the statements of a scenario.

    First with the usual addresses for places that have none; if these are too close together, once more to
    collect the sizes, which do not depend on addresses, and again with addresses that fit.
    """
    context = attempt(unit, body, rules, Slots(USUAL))
    if not context.slots.taken or (spread(context.slots) == USUAL and "MRS308" not in context.findings.codes()):
        return context
    context = attempt(unit, body, rules, Slots())
    room, place = spread(context.slots), context.slots.first_taker
    if room is None and place:
        context.findings = Findings()
        context.findings.add(Problem("MRS311", place.start, place.end, "the places do not fit into the arena",
                                     "make them smaller, or give them addresses with `at`"))  # fmt: skip
        return context
    return attempt(unit, body, rules, Slots(room))


def attempt(unit: Unit, body: syntax.Body, rules: tuple[RuleChoice, ...], slots: Slots) -> Context:
    """Compile the statements of a scenario with a choice of slots."""
    context = Context(unit.source, unit.vocabulary, Findings(), slots)
    context.docs, context.rules = unit.docs.by_start, rules
    context.constants.update(unit.top.constants)
    context.uncertain |= unit.top.uncertain
    run(context, body)
    return context


def choose_rules(unit: Unit, node: syntax.Scenario | None, body: syntax.Body) -> tuple[RuleChoice, ...]:
    """The rules that a scenario runs under: its own, or those of the file."""
    first = body[0] if body else None
    try:
        if isinstance(first, syntax.Rules):
            if node and node.on:
                raise Problem("MRS124", first.start, first.end, "the scenario chooses its rules with `on` already",
                              "delete one of the two")  # fmt: skip
            return single(unit.vocabulary, first)
        if node and node.on:
            return choices(unit.vocabulary, node.on)
    except Problem as problem:
        unit.findings.add(problem)
    return unit.rules


def single(vocabulary: Vocabulary, node: syntax.Rules) -> tuple[RuleChoice, ...]:
    """The one choice of a ``rules`` statement. Raises Problem."""
    found = choices(vocabulary, node.rules)
    if len(found) > 1:
        remedy = f'a scenario can run under several: `scenario "title" on {", ".join(map(str, found))}`'
        raise Problem("MRS124", node.start, node.end, "`rules` takes one rule set", remedy)
    return found


def warn_unused(unit: Unit, context: Context) -> None:
    """Note constants and places that nothing mentions again.

    Places are only worth it where something is expected, and not where VMAs are counted or drawn: there a
    place matters by being there.
    """
    if context.skipped or not unit.clean:
        return
    for name, where in context.unmentioned.items():
        is_place = name in context.places
        if name not in context.mentioned and not (is_place and (context.counts_vmas or not context.expects)):
            what = "place" if is_place else "constant"
            unit.findings.warn("MRS401", where, f"nothing mentions the {what} `{name}`", "use it or delete it")
