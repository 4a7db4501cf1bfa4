"""Make the parse tables from the grammar with Lark; run when the package is built, never on the way to a scenario.

Lark reads ``grammar/mrs.lark`` and computes the LALR(1) automaton.  What this package keeps of it is plain
data (:class:`mremapdsl.lang.tables.Tables`), numbered in an order that depends on the grammar alone, so that
two builds give the same bytes.  ``python -m mremapdsl.lang.generate`` writes them beside this file.
"""

from __future__ import annotations

import re
from typing import Any

from lark import Lark

from mremapdsl.lang.tables import SPLICE, Rule, Tables, dump, grammar_path, read, tables_path

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
END = "$END"


def generate(grammar: str) -> Tables:
    """Compute the tables of a grammar. Raises lark.exceptions.GrammarError if it is not LALR(1)."""
    lark = read_grammar(grammar)
    table = lark.parser.parser._parse_table
    order = _states_in_order(table.states, table.start_states["start"])
    terminals = [str(terminal.name) for terminal in lark.terminals] + [END]
    nonterminals = sorted({str(rule.origin.name) for rule in lark.rules})
    symbols = {name: number for number, name in enumerate(terminals + nonterminals)}
    rules = sorted(lark.rules, key=str)
    numbers = {rule: number for number, rule in enumerate(rules)}

    def cell(action: Any, target: Any) -> int:
        return order[target] if action.name == "Shift" else ~numbers[target]

    rows = [
        {symbols[name]: cell(*entry) for name, entry in sorted(table.states[state].items()) if name in symbols}
        for state in order
    ]
    finished = order[table.end_states["start"]]
    rows[finished][symbols[END]] = finished
    patterns = {str(terminal.name): terminal.pattern for terminal in lark.terminals}
    words = {name: found for name in terminals[:-1] if (found := finite_words(patterns[name].to_regexp()))}
    return Tables(
        terminals=tuple(terminals),
        words=words,
        literals={name: pattern.value for name, pattern in patterns.items() if pattern.type == "str"},
        patterns=_patterns(patterns, set(words) | set(lark.ignore_tokens)),
        ignored="|".join(patterns[name].to_regexp() for name in lark.ignore_tokens),
        actions=[{key: value for key, value in row.items() if key < len(terminals)} for row in rows],
        gotos=[{key: value for key, value in row.items() if key >= len(terminals)} for row in rows],
        nonterminals={name: symbols[name] for name in nonterminals},
        rules=[_rule(rule, symbols) for rule in rules],
    )


def read_grammar(grammar: str) -> Any:
    """The grammar as Lark sees it. What is used of it below is not part of its typed interface."""
    return Lark(grammar, parser="lalr", maybe_placeholders=True)


def _states_in_order(states: Any, start: int) -> dict[int, int]:
    """Number the states breadth first along sorted symbols: Lark's own numbers vary from run to run."""
    order = {start: 0}
    queue = [start]
    for state in queue:
        for _, (action, target) in sorted(states[state].items(), key=lambda item: item[0]):
            if action.name == "Shift" and target not in order:
                order[target] = len(order)
                queue.append(target)
    return order


def _patterns(patterns: Any, skip: set[str]) -> list[tuple[str, str]]:
    """The terminals that are not words, longer operators before their own beginnings."""
    kept = [(name, pattern.to_regexp()) for name, pattern in patterns.items() if name not in skip]
    return sorted(kept, key=lambda item: (-len(item[1]), item[0]))


def _rule(rule: Any, symbols: dict[str, int]) -> Rule:
    """A reduction: how many symbols go, what comes, and which of the values it keeps (see ``Rule.picks``)."""
    name = rule.origin.name
    picks: list[int | None] = []
    absent = iter(_placeholders(rule))
    for index, symbol in enumerate(rule.expansion):
        picks += [None] * next(absent)
        if symbol.is_term:
            if not symbol.filter_out or rule.options.keep_all_tokens:
                picks.append(index)
        else:
            picks.append(index - SPLICE if symbol.name.startswith("_") else index)
    picks += [None] * next(absent)
    builder = str(rule.alias or name)
    if name.startswith("_"):
        builder = "_"
    elif rule.options.expand1 and not rule.alias and len(picks) == 1:
        builder = ""
    return Rule(symbols[name], len(rule.expansion), builder, tuple(picks))


def _placeholders(rule: Any) -> list[int]:
    """How many absent ``[parts]`` stand before each symbol of the expansion, and after the last."""
    flags = rule.options.empty_indices
    if not flags:
        return [0] * (len(rule.expansion) + 1)
    runs = "".join("1" if absent else "0" for absent in flags).split("0")
    return [len(run) for run in runs]


def finite_words(regexp: str) -> tuple[str, ...]:
    """All words of a regular expression made of words, ``(?:a|b)`` and ``?`` only; empty if it is anything else."""
    found, rest = _alternatives(regexp)
    return tuple(found) if not rest and all(map(WORD.fullmatch, found)) else ()


def _alternatives(text: str) -> tuple[list[str], str]:
    found: list[str] = []
    while True:
        part, text = _sequence(text)
        found += part
        if not text.startswith("|"):
            return found, text
        text = text[1:]


def _sequence(text: str) -> tuple[list[str], str]:
    found = [""]
    while text and text[0] not in "|)":
        if text.startswith("(?:"):
            part, text = _alternatives(text[3:])
            text = text[1:]
        else:
            part, text = [text[0]], text[1:]
        if text.startswith("?"):
            part, text = ["", *part], text[1:]
        found = [before + after for before in found for after in part]
    return found, text


def write() -> str:
    """Write the tables of the grammar beside this file and return their path."""
    grammar = read(grammar_path())
    with open(tables_path(), "wb") as file:
        file.write(dump(grammar, generate(grammar.decode())))
    return tables_path()


if __name__ == "__main__":
    print(write())
