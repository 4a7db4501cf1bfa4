"""From text to syntax records: the lexer and the loop that runs the parse tables.

Lark computes the automaton (see ``generate``); running it takes this one loop.  That keeps Lark off the way to a
scenario (it takes longer to import than everything else here together), lets a word be a keyword only where
that keyword is acceptable, and leaves the stacks open to recovery after an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache, partial
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias, cast

from mremapdsl.lang.build import Builder, builder
from mremapdsl.lang.record import new
from mremapdsl.lang.syntax import Body, Token
from mremapdsl.lang.tables import SPLICE, Rule, Tables, tables

# Terminals that the parser treats by name; all others are known to the grammar alone.
NAME, DASHED, LBRACE, LPAR, END = "NAME", "DASHED", "LBRACE", "LPAR", "$END"

# Lexemes that no grammar rule accepts, so that every text is made of tokens.
STRAY = (("BAD_NUMBER", r"[0-9]\w*"), ("OPEN_TEXT", r'"[^\n]*'), ("STRAY", r"[^\W\d]\w*|."))

MAX_DEPTH = 100
"""Blocks, and parentheses, that may stand inside each other."""


class Lexeme(NamedTuple):
    """A token by its place in the text."""

    kind: int
    start: int
    end: int


class Stacks(NamedTuple):
    """The parser's memory: a state for each symbol read so far (and the first), its value, and where it begins."""

    states: list[int]
    values: list[Any]
    begins: list[int]
    pending: list[Lexeme]
    """Tokens to read before the text goes on."""

    def cut(self, depth: int) -> None:
        """Forget everything above ``depth`` symbols."""
        del self.states[depth + 1 :], self.values[depth:], self.begins[depth:]


Scanner: TypeAlias = tuple[Callable[[str, int], "re.Match[str]"], list[int]]
"""Matches what is ignored and one token; the list tells its terminal by the last group that matched."""
Picker: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]
Recover: TypeAlias = Callable[[Stacks, Lexeme, bool], int]
"""Mends the stacks after an unacceptable token and returns where to read on; the flag says that the token could
stand where it does if it were not nested too deeply."""


class Automaton(NamedTuple):
    """The tables in the form in which the loop uses them."""

    tables: Tables
    actions: list[dict[int, int]]
    gotos: list[dict[int, int]]
    reductions: list[tuple[int, int, Builder | None]]
    """Target, size, builder; no builder: the one part stands for the whole."""
    scanners: list[Scanner]
    """By state: what reads the next token there."""
    words: dict[str, tuple[int, ...]]
    """Word -> terminals it can be."""
    names: frozenset[int]
    """The terminals of names, which a word is unless it can be a keyword."""
    nested: frozenset[int]
    """Opening braces and parentheses."""
    entered: list[int]
    """By state: the symbol read last."""
    number: dict[str, int]
    """Terminal or nonterminal -> its number."""


@cache
def automaton() -> Automaton:
    """The automaton of the grammar, ready to run."""
    made = tables()
    number = {name: index for index, name in enumerate((*made.terminals, *made.nonterminals))}
    number |= {name: len(number) + index for index, (name, _) in enumerate(STRAY)}
    by_name, by_dashed = scanner(made, DASHED, number), scanner(made, NAME, number)
    words: dict[str, tuple[int, ...]] = {}
    for terminal, found in made.words.items():
        for word in found:
            words[word] = (*words.get(word, ()), number[terminal])
    entered = [-1] * len(made.actions)
    for row in (*made.actions, *made.gotos):
        for symbol, target in row.items():
            if target >= 0:
                entered[target] = symbol
    return Automaton(
        tables=made,
        actions=made.actions,
        gotos=made.gotos,
        reductions=[(rule.target, rule.size, reduction(rule)) for rule in made.rules],
        scanners=[by_dashed if row.get(number[DASHED], -1) >= 0 else by_name for row in made.actions],
        words=words,
        names=frozenset((number[NAME], number[DASHED])),
        nested=frozenset((number[LBRACE], number[LPAR])),
        entered=entered,
        number=number,
    )


def scanner(made: Tables, without: str, number: dict[str, int]) -> Scanner:
    """A scanner for all tokens but those of one terminal."""
    patterns = [(name, pattern) for name, pattern in made.patterns if name != without]
    groups = [*patterns, *STRAY, (END, r"\Z")]
    kinds = [-1] * (1 + re.compile(made.ignored).groups)
    for name, pattern in groups:
        kinds += [number[name]] + [-1] * re.compile(pattern).groups
    expression = f"(?:{made.ignored})*(?:{'|'.join(f'({pattern})' for _, pattern in groups)})"
    match: Any = re.compile(expression).match  # never None: the last pattern matches anything
    return cast(Scanner, (match, kinds))


def reduction(rule: Rule) -> Builder | None:
    """What turns the values of a rule's symbols into one value; None if that is the only one of them."""
    picks = rule.picks
    if rule.builder == "" and rule.size == 1:
        return None
    if rule.builder == "_" and picks[:1] == (-SPLICE,):
        return partial(_extended, _picker(picks[1:]))
    pick = _picker(picks)
    if rule.builder == "_":
        return lambda values, _start, _end: list(pick(values))
    if rule.builder == "":
        return lambda values, _start, _end: pick(values)[0]
    build = builder(rule.builder)
    if picks == tuple(range(rule.size)):
        return build
    return lambda values, start, end: build(pick(values), start, end)


def _extended(pick: Picker, values: Sequence[Any], _start: int, _end: int) -> list[Any]:
    """A list grown in place: lists stand first in their rules, so nobody else holds it."""
    grown: list[Any] = values[0]
    grown += pick(values)
    return grown


def _picker(picks: Sequence[int | None]) -> Picker:
    plain = [pick for pick in picks if pick is not None and pick >= 0]
    if len(plain) < len(picks):
        return partial(_take, picks)
    if len(plain) < 2:
        return lambda values: [values[pick] for pick in plain]
    return itemgetter(*plain)


def _take(picks: Sequence[int | None], values: Sequence[Any]) -> list[Any]:
    taken: list[Any] = []
    for pick in picks:
        if pick is None:
            taken.append(None)
        elif pick < 0:
            taken += values[pick + SPLICE]
        else:
            taken.append(values[pick])
    return taken


def shifted(machine: Automaton, states: Sequence[int], kind: int) -> list[int] | None:
    """The states after reading a token of this kind; None if it cannot be read here.

    (Rows of an LALR automaton promise more than they keep: a reduction may lead to where the token is an error.)
    """
    stack = list(states)
    while (action := machine.actions[stack[-1]].get(kind)) is not None:
        if action >= 0:
            return [*stack, action]
        target, size, _ = machine.reductions[~action]
        if size:
            del stack[-size:]
        stack.append(machine.gotos[stack[-1]][target])
    return None


def keyword(machine: Automaton, states: Sequence[int], word: str, name: int) -> int:
    """The keyword terminal that a word is here; ``name``, the terminal of names, if it is none."""
    row = machine.actions[states[-1]]
    for kind in machine.words.get(word, ()):
        action = row.get(kind)
        if action is not None and (action >= 0 or name not in row or shifted(machine, states, kind)):
            return kind
    return name


def depth(machine: Automaton, states: Sequence[int], kind: int) -> int:
    """How many symbols of this kind the parser is inside of."""
    return sum(machine.entered[state] == kind for state in states)


def parse(text: str, recover: Recover) -> Body:
    """Read a whole text.

    ``recover`` is called for each token that cannot stand where it stands, and for an opening brace or
    parenthesis inside MAX_DEPTH others; it must cut the stacks so that something can follow.
    """
    machine = automaton()
    actions, gotos, reductions, scanners = machine.actions, machine.gotos, machine.reductions, machine.scanners
    words, names, nested, done = machine.words, machine.names, machine.nested, machine.number[END]
    stacks = Stacks([0], [], [], [])
    states, values, begins, pending = stacks
    position = end = 0
    while True:
        if pending:
            kind, start, position = pending.pop(0)
            word = text[start:position]
        else:
            scan, kinds = scanners[states[-1]]
            found = scan(text, position)
            group = found.lastindex or 0
            start, position = found.span(group)
            kind = kinds[group]
            word = text[start:position]
            if kind in names and word in words:
                kind = keyword(machine, states, word, kind)
        action = actions[states[-1]].get(kind)
        while action is not None and action < 0:
            target, size, build = reductions[~action]
            if build is None:
                states[-1] = target = gotos[states[-2]][target]
            else:
                if size == 1:
                    values[-1] = build(values[-1:], begins[-1], end)
                    del states[-1]
                elif size:
                    values[-size:] = (build(values[-size:], begins[-size], end),)
                    del states[-size:], begins[1 - size :]
                else:
                    values.append(build((), start, start))
                    begins.append(start)
                target = gotos[states[-1]][target]
                states.append(target)
            action = actions[target].get(kind)
        if action is None or (kind in nested and depth(machine, states, kind) >= MAX_DEPTH):
            position = recover(stacks, Lexeme(kind, start, position), action is not None)
        elif kind == done:
            body: Body = values[-1]
            return body
        else:
            states.append(action)
            values.append(new(Token, (word, start)))
            begins.append(start)
            end = position
