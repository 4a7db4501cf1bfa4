"""After a syntax error: note what is wrong, and find a place to read on.

The parser's stack shows where the statement at hand began.  The statement becomes a ``Bad`` one, and reading
goes on at its end, or inside the block that follows it; so one mistake is reported once, and what comes after
is still checked.  Missing and superfluous braces are made up for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mremapdsl.lang.context import MOST, Findings
from mremapdsl.lang.diagnostics import Problem
from mremapdsl.lang.explain import Situation, explain
from mremapdsl.lang.parse import END, LBRACE, MAX_DEPTH, Automaton, Lexeme, Stacks, automaton, shifted
from mremapdsl.lang.syntax import Bad

WORD = re.compile(r"[A-Za-z_]\w*")
SEPARATOR, RBRACE, NAME, TEXT = "_END", "RBRACE", "NAME", "TEXT"
HEADERS = {"scenario": ("SCENARIO", TEXT), "for": (NAME,), "if": ("IF", NAME, "EQ", NAME)}
"""Words that begin a block, and tokens that can stand for a faulty beginning."""


class Recovery:
    """What the parser calls for each token that it cannot accept."""

    def __init__(self, text: str, findings: Findings) -> None:
        self.text, self.findings = text, findings
        self.machine: Automaton = automaton()
        self.complete = {self.machine.number[name] for name in (RBRACE, "simple", "compound", "scenario")}
        """Symbols that end a statement."""
        self.opened = self.closed = 0
        """Braces that were made up."""
        self.bare = -1
        """Where the last `{` ends that cannot stand where it does."""

    def __call__(self, stacks: Stacks, lexeme: Lexeme, too_deep: bool) -> int:
        kinds = self.machine.number
        if self.unfinished(stacks):
            stacks.pending.append(Lexeme(kinds[SEPARATOR], lexeme.start, lexeme.start))
            return lexeme.start
        depth = self.statement(stacks)
        fresh = depth == len(stacks.values) or self.entered(stacks, -1) == kinds[SEPARATOR]
        start = lexeme.start if fresh else stacks.begins[depth]
        first = WORD.match(self.text, start)
        word = first.group() if first else ""
        if fresh and lexeme.kind == kinds[RBRACE]:
            return self.stray(lexeme)
        if fresh and lexeme.kind == kinds[END]:
            return self.close(stacks, lexeme.start, "MRS103")
        if too_deep:
            return self.too_deep(stacks, lexeme, depth, start)
        if word == "scenario" and depth and self.blocks(stacks):
            stacks.cut(depth)
            return self.close(stacks, start, "MRS121")
        self.explain(stacks, lexeme, depth, start)
        return self.skip(stacks, lexeme, depth, start, word)

    def unfinished(self, stacks: Stacks) -> bool:
        """Whether the last statement is complete, but not yet taken as one: that depends on the token behind it."""
        last = self.entered(stacks, -1)
        if last == self.machine.number[SEPARATOR] and len(stacks.values) > 1:
            last = self.entered(stacks, -2)
            return last == self.machine.number["simple"]
        if last == self.machine.number["block"]:  # of a scenario; behind any other, more may be needed
            return shifted(self.machine, stacks.states, self.machine.number[SEPARATOR]) is not None
        return last in self.complete

    def entered(self, stacks: Stacks, index: int) -> int:
        """The symbol at an index of the stack."""
        return self.machine.entered[stacks.states[index]]

    def statement(self, stacks: Stacks) -> int:
        """How many symbols stand before the statement at hand."""
        simple = self.machine.number["simple"]
        states = stacks.states
        return next(depth for depth in range(len(states) - 1, -1, -1) if simple in self.machine.gotos[states[depth]])

    def blocks(self, stacks: Stacks) -> list[int]:
        """Where the blocks begin that are open, outermost first."""
        brace = self.machine.number[LBRACE]
        pairs = zip(stacks.states[1:], stacks.begins, strict=True)
        return [begin for state, begin in pairs if self.machine.entered[state] == brace]

    def explain(self, stacks: Stacks, lexeme: Lexeme, depth: int, start: int) -> None:
        if self.full():
            self.findings.add(Problem("MRS101", lexeme.start, lexeme.end, "", ""))
            return
        if lexeme.kind == self.machine.number[LBRACE]:
            before, self.bare = self.bare, lexeme.end
            if before >= 0 and not self.text[before : lexeme.start].strip():
                return  # one of many is enough
        situation = Situation.replay(self.machine, self.text, stacks.states[: depth + 1], start, lexeme)
        self.findings.add(explain(situation))

    def full(self) -> bool:
        """More errors are counted, but not shown: it is not worth while to explain them."""
        return len(self.findings.problems) > MOST

    # --- where to read on -----------------------------------------------------------------------------------

    def skip(self, stacks: Stacks, lexeme: Lexeme, depth: int, start: int, word: str) -> int:
        """Leave the statement out; if a block belongs to it, go on inside that."""
        kinds = self.machine.number
        stop = next(token for token in self.tokens(lexeme.start) if self.ends(token))
        stacks.cut(depth)
        self.push(stacks, "simple", Bad(tuple(WORD.findall(self.text, start, stop.start)), (), start, stop.start))
        header = HEADERS.get(word, (NAME,) if stop.kind == kinds[LBRACE] else ())
        if header:
            made = [SEPARATOR, *header]
            if stop.kind != kinds[LBRACE]:
                made.append(LBRACE)
                self.opened += 1
            stacks.pending.extend(Lexeme(kinds[name], stop.start, stop.start) for name in made)
        return stop.start

    def tokens(self, position: int) -> Iterator[Lexeme]:
        """The tokens from a position on, whether they make sense or not."""
        scan, kinds = self.machine.scanners[0]
        while True:
            found = scan(self.text, position)
            group = found.lastindex or 0
            start, position = found.span(group)
            yield Lexeme(kinds[group], start, position)

    def ends(self, token: Lexeme) -> bool:
        """Whether a statement can reach no further than this token."""
        kinds = self.machine.number
        return token.kind in (kinds[SEPARATOR], kinds[LBRACE], kinds[RBRACE], kinds[END])

    def push(self, stacks: Stacks, symbol: str, value: Bad) -> None:
        """Put a statement on the stacks as if it had been read."""
        stacks.states.append(self.machine.gotos[stacks.states[-1]][self.machine.number[symbol]])
        stacks.values.append(value)
        stacks.begins.append(value.start)

    # --- braces ---------------------------------------------------------------------------------------------

    def stray(self, brace: Lexeme) -> int:
        """A `}` that closes nothing, unless one was made up before."""
        if self.closed:
            self.closed -= 1
        else:
            self.findings.add(Problem("MRS104", brace.start, brace.end, "this `}` closes nothing", "delete it"))
        return brace.end

    def close(self, stacks: Stacks, where: int, code: str) -> int:
        """Close all blocks before ``where``: the end of the text, or a scenario, which cannot stand in a block."""
        open_blocks = self.blocks(stacks)
        if len(open_blocks) > self.opened:
            brace = next((begin for begin in reversed(open_blocks) if self.text.startswith("{", begin)), where)
            if code == "MRS103":
                what, remedy, where_to = "this `{` is never closed", "add a `}` where its block ends", brace
            else:
                line = 0 if self.full() else self.text.count("\n", 0, brace) + 1
                what, where_to = f"a scenario begins inside the block that line {line} opens", where
                remedy = "close that block with `}` before it"
                self.closed += len(open_blocks) - self.opened
            self.findings.add(Problem(code, where_to, where_to + 1, what, remedy))
        self.opened = max(self.opened - len(open_blocks), 0)
        kinds = self.machine.number
        stacks.pending.extend([Lexeme(kinds[RBRACE], where, where)] * len(open_blocks))
        return where

    def too_deep(self, stacks: Stacks, lexeme: Lexeme, depth: int, start: int) -> int:
        """Leave out everything up to the brace that closes this one, or the statement with too many parentheses."""
        brace = lexeme.kind == self.machine.number[LBRACE]
        what = "blocks" if brace else "parentheses"
        self.findings.add(Problem("MRS108", lexeme.start, lexeme.end, f"more than {MAX_DEPTH} {what} inside each other",
                                  "nest less deeply"))  # fmt: skip
        if not brace:
            return self.skip(stacks, lexeme, depth, start, "")
        end = self.matching(lexeme.start)
        stacks.cut(depth)
        self.push(stacks, "compound", Bad(tuple(WORD.findall(self.text, start, end)), (), start, end))
        return end

    def matching(self, position: int) -> int:
        """Where the block that begins at a position ends."""
        kinds = self.machine.number
        level = 0
        for token in self.tokens(position):
            level += (token.kind == kinds[LBRACE]) - (token.kind == kinds[RBRACE])
            if level == 0 or token.kind == kinds[END]:
                return token.end
        raise AssertionError("the text has no end")
