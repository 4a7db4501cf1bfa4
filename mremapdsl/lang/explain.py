"""What a syntax error most likely is, in words.

Each function below recognises one kind of mistake from the tokens of the statement before it; the first that
does explains it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mremapdsl.lang.diagnostics import Problem
from mremapdsl.lang.parse import END, Automaton, Lexeme, keyword, shifted
from mremapdsl.lang.predicates import takes_no_reason
from mremapdsl.lang.words import meant, words

THINGS = {
    "NAME": "a name",
    "DASHED": "a name",
    "NUMBER": "a number",
    "TEXT": "a text in quotes",
    "_END": "the end of the statement",
    "RANGE_CALL": "a statement",
    "PROT": "a protection",
    "MAPPING": "an option",
    "FLAG": "a flag",
    "ADVICE": "an advice",
    "ERRNO": "an errno",
    "PHASE": "a phase",
    "SWITCHED": "a setting",
    "SWITCH": "a switch",
    "THP_MODE": "a mode",
    "SIDE": "a side",
    "MOVED": "a predicate",
    "PAGE_STATE": "a state of a page",
    "VMA_ATTRIBUTE": "an attribute",
    "PAGE_ATTRIBUTE": "an attribute",
    "ANON_VMA": "an attribute",
    "ANON_VMA_ATTRIBUTE": "an attribute of an anon_vma",
    "ORDER": "a comparison",
    "EQ": "a comparison",
    "STATEMENT": "a statement",
    "PREDICATE": "a predicate",
}
"""Terminals and kinds of words as a reader would call them; other terminals are called by their only text."""
LOOKALIKES = {"“": '"', "”": '"', "„": '"', "’": '"', "‘": '"', "'": '"', "–": "-", "—": "-", "−": "-", "×": "*",
              "…": "..", "≠": "!=", "≤": "<=", "≥": ">=", "\u00a0": " "}  # fmt: skip
SIZE = re.compile(r"([0-9]+)([kmgt])(i?b)?", re.IGNORECASE)


class Situation(NamedTuple):
    """A token that cannot stand where it does, and the statement before it."""

    machine: Automaton
    text: str
    bad: Lexeme
    tokens: tuple[Lexeme, ...]
    """Of the statement, before the bad one."""
    states: tuple[list[int], ...]
    """The parser's states before each of them, and before the bad one."""

    @classmethod
    def replay(cls, machine: Automaton, text: str, states: list[int], start: int, bad: Lexeme) -> Situation:
        """Read the statement again: the parser's own stack may have changed for a token that then did not fit."""
        tokens: list[Lexeme] = []
        before = [states]
        position = start
        while position < bad.start:
            token = next_token(machine, text, before[-1], position)
            after = shifted(machine, before[-1], token.kind)
            if after is None or token.start >= bad.start:
                break
            tokens.append(token)
            before.append(after)
            position = token.end
        return cls(machine, text, bad, tuple(tokens), tuple(before))

    def written(self, token: Lexeme) -> str:
        return self.text[token.start : token.end]

    def name(self, token: Lexeme) -> str:
        """The name of a token's terminal."""
        return next(name for name, number in self.machine.number.items() if number == token.kind)

    def expected(self, index: int = -1) -> list[str]:
        """The terminals that could stand at a place: that of the bad token, or of the token with an index."""
        states = self.states[index]
        row = self.machine.actions[states[-1]]
        names = self.machine.tables.terminals
        return [names[kind] for kind in sorted(row) if shifted(self.machine, states, kind)]


def next_token(machine: Automaton, text: str, states: Sequence[int], position: int) -> Lexeme:
    """The token at a position, as the parser sees it in these states."""
    scan, kinds = machine.scanners[states[-1]]
    found = scan(text, position)
    group = found.lastindex or 0
    start, end = found.span(group)
    kind = kinds[group]
    if kind in machine.names:
        kind = keyword(machine, states, text[start:end], kind)
    return Lexeme(kind, start, end)


def explain(situation: Situation) -> Problem:
    """The most likely mistake."""
    for known in KNOWN:
        if problem := known(situation):
            return problem
    return unexpected(situation)


# --- kinds of mistakes -------------------------------------------------------------------------------------


def strange(situation: Situation) -> Problem | None:
    """Lexemes that are no tokens at all."""
    bad, written = situation.bad, situation.written(situation.bad)
    match situation.name(bad):
        case "BAD_NUMBER":
            size = SIZE.fullmatch(written)
            remedy = f"did you mean `{size[1]}{size[2].upper()}`?" if size else "numbers are written 16, 0x10 or 64K"
            return Problem("MRS106", bad.start, bad.end, f"`{written}` is not a number", remedy)
        case "OPEN_TEXT":
            return Problem("MRS105", bad.start, bad.end, "the text in quotes is not closed on its line", 'add a `"`')
        case "STRAY":
            near = LOOKALIKES.get(written[0])
            remedy = f"did you mean `{near}`?" if near else "delete it"
            if written[0].isalpha():
                remedy = "names are made of the letters a to z, digits and `_`"
            return Problem("MRS110", bad.start, bad.end, f"`{written}` cannot stand here", remedy)
        case _:
            return None


def unknown_statement(situation: Situation) -> Problem | None:
    """The first word is none that begins a statement, and no process with `:` or `{` behind it."""
    names = [situation.name(token) for token in situation.tokens[:3]]
    if names == ["NAME"]:
        first = situation.tokens[0]
    elif names == ["NAME", "COLON"] and situation.name(situation.bad) == "NAME":
        first = situation.bad
    else:
        return None
    word, follower, statements = situation.written(first), situation.written(situation.bad), words("statement")
    if word in statements:
        return Problem("MRS101", first.start, first.end, f"`{word}` cannot stand after a process",
                       "write it without one")  # fmt: skip
    near = meant(word, statements)
    if not near and follower in statements:
        return Problem("MRS101", situation.bad.start, situation.bad.end, f"`:` is missing after `{word}`",
                       f"write `{word}: {follower} ...` to run it in process `{word}`")  # fmt: skip
    remedy = f"did you mean `{near}`?" if near else f"statements begin with {listed(sorted(statements), most=99)}"
    return Problem("MRS102", first.start, first.end, f"`{word}` is not a statement", remedy)


def bare_block(situation: Situation) -> Problem | None:
    """A block that nothing begins, perhaps behind a complete statement."""
    bad = situation.bad
    if situation.written(bad) != "{" or (situation.tokens and "_END" not in situation.expected()):
        return None
    return Problem("MRS101", bad.start, bad.end, "`{` cannot stand here", "a block belongs to what stands before it: "
                   '`parent { ... }`, `for i in 0..4 { ... }`, `scenario "title" { ... }`')  # fmt: skip


def misspelt(situation: Situation) -> Problem | None:
    """The bad word, or the name before it, is nearly a keyword that could stand there."""
    bad = situation.bad
    if WORD.fullmatch(situation.written(bad)) and (problem := nearly(situation, bad, len(situation.tokens))):
        return problem
    index = len(situation.tokens) - 1
    if index < 0 or situation.tokens[index].kind not in situation.machine.names:
        return None
    last = situation.tokens[index]
    if problem := nearly(situation, last, index):
        return problem
    word = situation.written(last)
    if word in situation.machine.words and word not in words("prot"):  # a keyword, but it was read as a name
        return unexpected(situation._replace(bad=last, tokens=situation.tokens[:index], states=situation.states[:-1]))
    return None


WORD = re.compile(r"[A-Za-z_]\w*")


def nearly(situation: Situation, token: Lexeme, index: int) -> Problem | None:
    """The problem with a word of the statement that is nearly one of the keywords that can stand at its place."""
    possible = {word: terminal for terminal in situation.expected(index)
                for word in situation.machine.tables.words.get(terminal, ())}  # fmt: skip
    word = situation.written(token)
    near = meant(word, possible)
    if near is None:
        return None
    kind = THINGS.get(possible[near], "")
    if index and situation.written(situation.tokens[index - 1]) == "expect" and near in words("predicate"):
        kind = THINGS["PREDICATE"]
    message = f"`{word}` is not {kind}" if kind else f"`{word}` cannot stand here"
    return Problem("MRS107", token.start, token.end, message, f"did you mean `{near}`?")


def because(situation: Situation) -> Problem | None:
    """A reason behind a predicate that takes none."""
    words_here = [situation.written(token) for token in (*situation.tokens, situation.bad)]
    if words_here[0] != "expect" or "because" not in words_here or "fallback" in words_here:
        return None
    at = words_here.index("because")
    about = next((word for word in words_here[1:at] if word in words("predicate") and word != "not"), "it")
    return takes_no_reason(about, (*situation.tokens, situation.bad)[at].start)


def keyword_as_name(situation: Situation) -> Problem | None:
    """The bad word, or the one before it, is a keyword here and a name elsewhere."""
    for token in (*situation.tokens[-1:], situation.bad):
        word, index = situation.written(token), (*situation.tokens, situation.bad).index(token)
        if not index or situation.name(token) in ("NAME", "DASHED") or word not in situation.machine.words:
            continue
        if made := re.search(rf"\b(?:mmap|let|for|fork)[ \t]+{word}\b", situation.text[: token.start]):
            line = situation.text.count("\n", 0, made.start()) + 1
            return Problem("MRS101", token.start, token.end, f"`{word}` is a keyword here, not the name of line {line}",
                           "choose another name")  # fmt: skip
    return None


PAGE_WORDS = re.compile(r"pages?|pg|bytes?|[kmgt]i?b?", re.IGNORECASE)


def unit(situation: Situation) -> Problem | None:
    """``16 pages``, ``64 KB``."""
    bad, written = situation.bad, situation.written(situation.bad)
    if not situation.tokens or situation.name(situation.tokens[-1]) != "NUMBER" or not PAGE_WORDS.fullmatch(written):
        return None
    number, letter = situation.written(situation.tokens[-1]), written[0].upper()
    remedy = f"write `{number}{letter}`" if letter in "KMGT" else f"write `{number}`, or a size such as `64K`"
    return Problem("MRS101", bad.start, bad.end, "numbers count pages and have no unit", remedy)


OF_C = {"none": "none", "read": "r", "write": "w", "exec": "x"}


def constant_of_c(situation: Situation) -> Problem | None:
    """``PROT_READ | PROT_WRITE``, ``MAP_SHARED``."""
    bad = situation.bad
    if not (found := re.compile(r"(PROT|MAP)_\w+([ \t]*\|[ \t]*\w+)*").match(situation.text, bad.start)):
        return None
    names: list[str] = re.findall(r"(?:PROT|MAP)_(\w+)", found.group())
    known = [OF_C.get(name.lower(), name.lower()) for name in names]
    if found[1] == "PROT" and set(known) <= set(OF_C.values()):
        remedy = f"did you mean `{''.join(sorted(known, key='rwx'.find))}`?"
    elif set(known) <= set(words("mapping")):
        remedy = f"did you mean `{' '.join(known)}`?"
    else:
        remedy = "memory is private, anonymous and rw unless told, as in `mmap A 16 r shared at @32`"
    return Problem("MRS107", bad.start, found.end(), f"`{found.group()}` is written otherwise here", remedy)


LISTS = ("FLAG", "ADVICE", "ERRNO", "PAGE_STATE")


def unknown_word(situation: Situation) -> Problem | None:
    """A word where one of a list should stand, and near none of them."""
    bad, written, expected = situation.bad, situation.written(situation.bad), situation.expected()
    lists = [name for name in LISTS if name in expected]
    if not lists or not WORD.fullmatch(written) or situation.name(bad) not in ("NAME", "DASHED"):
        return None
    if "_END" in expected and not written.isupper():
        return None
    return Problem("MRS101", bad.start, bad.end, f"`{written}` is not {THINGS[lists[0]]}",
                   f"it must be one of {', '.join(sorted(shortest(words(lists[0]))))}")  # fmt: skip


def shortest(known: Sequence[str]) -> list[str]:
    """Words without those that are others with ``MREMAP_``, ``MADV_`` or ``_ANON``."""
    return [word for word in known
            if word.removeprefix("MADV_").removeprefix("MREMAP_").removesuffix("_ANON") == word]  # fmt: skip


def single_equals(situation: Situation) -> Problem | None:
    if situation.written(situation.bad) != "=" or "EQ" not in situation.expected():
        return None
    return Problem("MRS101", situation.bad.start, situation.bad.end, "`=` does not compare", "write `==`")


def comma(situation: Situation) -> Problem | None:
    bad = situation.bad
    if situation.written(bad) != "," or not situation.tokens:
        return None
    return Problem("MRS101", bad.start, bad.end, "`,` does not separate the parts of this statement",
                   "put spaces between them")  # fmt: skip


def point_for_range(situation: Situation) -> Problem | None:
    """`A+3` or `@16` where a range is needed."""
    tokens, bad = situation.tokens, situation.bad
    texts = [situation.written(token) for token in tokens]
    if "@" in texts and "PLUS" in situation.expected() and "_END" not in situation.expected():
        at = tokens[len(texts) - 1 - texts[::-1].index("@")]
        point = situation.text[at.start : tokens[-1].end]
        return Problem("MRS109", at.start, tokens[-1].end, f"`{point}` is a point, and a range of pages is needed",
                       f"say how many pages: `{point}+1`")  # fmt: skip
    if situation.written(bad) not in ("+", "-") or not tokens or situation.name(tokens[-1]) != "NAME":
        return None
    after = next_token(situation.machine, situation.text, situation.states[0], bad.end)
    offset = situation.text[bad.end : after.end].strip()
    name, index = texts[-1], offset if situation.written(bad) == "+" else "0"
    if "DOT" not in situation.expected() and "LSQB" not in situation.expected():
        remedy = f"write `to {name}{situation.written(bad)}{offset}`"
        return Problem("MRS101", bad.start, bad.end, f"a name alone can be a destination here, not `{name}` with an "
                       "offset", remedy)  # fmt: skip
    return Problem("MRS109", tokens[-1].start, after.end,
                   f"`{name}{situation.written(bad)}{offset}` is a point, and a range of pages is needed",
                   f"one page is `{name}[{index}]`, several are `{name}[{index}..END]`")  # fmt: skip


KNOWN: tuple[Callable[[Situation], Problem | None], ...] = (
    strange, unknown_statement, bare_block, because, keyword_as_name, unit, constant_of_c, misspelt, single_equals,
    comma, point_for_range, unknown_word,
)  # fmt: skip


def unexpected(situation: Situation) -> Problem:
    """Nothing better is known: what stands there, and what could."""
    bad = situation.bad
    wanted = things(situation)
    before = f" after `{situation.written(situation.tokens[-1])}`" if situation.tokens else ""
    remedy = f"expected {listed(wanted)}"
    if situation.name(bad) == "NUMBER" and "`@`" in wanted:
        pages = "" if "BESIDE" in situation.expected() else "+1"
        remedy += f"; page {situation.written(bad)} of the arena is `@{situation.written(bad)}{pages}`"
    if [situation.written(token) for token in situation.tokens] == ["mmap"] and situation.written(bad)[:1].isdigit():
        remedy = "the name comes first: `mmap A 16`"
    if "the end of the statement" in wanted and situation.written(bad) in words("statement"):
        remedy = "put a `;` or a new line before it"
    if situation.name(bad) in ("_END", "RBRACE", END):
        last = situation.tokens[-1].end if situation.tokens else bad.start
        return Problem("MRS101", last, last + 1, f"something is missing{before}", remedy)
    return Problem("MRS101", bad.start, bad.end, f"`{situation.written(bad)}` cannot stand{before or ' here'}", remedy)


def things(situation: Situation) -> list[str]:
    """What could stand in place of the bad token, in words."""
    found: dict[str, None] = {}
    expected = situation.expected()
    if "NUMBER" in expected:
        expected = [name for name in expected if name not in ("SIZE", "LPAR", "NAME")]
    if len(set(expected) - ARITHMETIC) > 0:
        expected = [name for name in expected if name not in ARITHMETIC]
    tables = situation.machine.tables
    for kind in ("statement", "predicate"):
        beginnings = [name for name in expected if set(tables.words.get(name, [""])) <= set(words(kind))]
        if len(beginnings) > MANY:
            found[THINGS[kind.upper()]] = None
            expected = [name for name in expected if name not in beginnings]
    for name in expected:
        if name in (END, "RBRACE"):
            continue
        known = tables.words.get(name, ())
        thing = THINGS.get(name)
        if thing is None:
            found |= {f"`{text}`": None for text in known or (tables.literals[name],)}
        else:
            found[f"{thing} ({listed(shortest(known))})" if known else thing] = None
    return list(found)


MANY = 5
ARITHMETIC = {"PLUS", "MINUS", "TIMES", "DIVIDE", "MODULO"}


def listed(found: Sequence[str], most: int = 8) -> str:
    """``a, b or c``."""
    shown = [*found[:most], "..."] if len(found) > most else [*found]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}".replace(" or ...", ", ...")
