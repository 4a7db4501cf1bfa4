"""What can be wrong with a text: stable codes, and the record of one finding.

Codes never change their meaning: MRS0xx the bytes, MRS1xx how it is written, MRS2xx names, MRS3xx numbers and
places, MRS4xx warnings.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

ERROR, WARNING = "error", "warning"


class Code(NamedTuple):
    """A kind of finding."""

    name: str
    explanation: str
    severity: str = ERROR


class Diagnostic(NamedTuple):
    """One finding. ``line`` and ``column`` count from 1, in characters; ``length`` is never 0."""

    code: str
    severity: str
    file: str
    line: int
    column: int
    length: int
    message: str
    """The cause, in words."""
    remedy: str
    """What to do about it."""


class Problem(Exception):
    """An error in the statement at hand, with its place in the text (offsets, half open)."""

    def __init__(self, code: str, start: int, end: int, message: str, remedy: str) -> None:
        super().__init__(message)
        self.code, self.start, self.end, self.message, self.remedy = code, start, end, message, remedy


class AlreadyReported(Exception):
    """The statement at hand depends on something that was reported before."""


CODES: Mapping[str, Code] = MappingProxyType(
    {
        "MRS001": Code("not-utf8", "The text is not valid UTF-8."),
        "MRS002": Code("utf-16", "The text is UTF-16 or UTF-32; scenario files are UTF-8."),
        "MRS003": Code("control-character", "A character that cannot be seen, or that changes how the text is shown."),
        "MRS004": Code("text-too-long", "The text is larger than scenario files may be."),
        "MRS101": Code("unexpected", "Something stands where it cannot stand, or something is missing."),
        "MRS102": Code("unknown-statement", "A line begins with a word that is no statement."),
        "MRS103": Code("unclosed-block", "A `{` has no `}`."),
        "MRS104": Code("stray-brace", "A `}` closes nothing."),
        "MRS105": Code("unclosed-text", "A text in quotes does not end on its line."),
        "MRS106": Code("bad-number", "A number or size is not written as numbers and sizes are."),
        "MRS107": Code("misspelt", "A word is not one of the words that can stand there, but close to one."),
        "MRS108": Code("too-deep", "Blocks or parentheses are nested more than 100 deep."),
        "MRS109": Code("not-a-range", "A point stands where a range of pages is needed."),
        "MRS110": Code("strange-character", "A character that means nothing outside texts and comments."),
        "MRS120": Code("rules-not-first", "`rules` is not the first statement of its file or scenario."),
        "MRS121": Code("open-scenario", "A scenario begins inside another one, or inside a block."),
        "MRS122": Code("outside-scenario", "A statement stands between scenarios, where nothing would run it."),
        "MRS123": Code("given-twice", "The same option is given twice."),
        "MRS124": Code("rules-given-twice", "Rule sets are chosen twice, or more than one where there can be one."),
        "MRS125": Code("not-during-relocation", "Something that cannot happen inside a relocation."),
        "MRS201": Code("unknown-place", "A place that no earlier statement names."),
        "MRS202": Code("unknown-constant", "A constant that no `let` or `for` around it defines."),
        "MRS203": Code("unknown-process", "A process that was not forked before."),
        "MRS204": Code("exited-process", "A process that has exited."),
        "MRS205": Code("name-taken", "A name that already means something else."),
        "MRS206": Code("nearly-a-keyword", "A new name that is most likely a misspelt keyword."),
        "MRS210": Code("unknown-rule-set", "A rule set that does not exist."),
        "MRS211": Code("unknown-decision", "A decision that rule sets do not have."),
        "MRS212": Code("unknown-choice", "A decision does not have this alternative."),
        "MRS213": Code("unknown-reason", "A reason that no verdict has."),
        "MRS214": Code("unknown-invariant", "An invariant that is not checked."),
        "MRS215": Code("unknown-count", "Something that is not counted."),
        "MRS301": Code("outside-its-place", "A page or range that is not part of the place that it is taken from."),
        "MRS302": Code("backwards", "A range ends before it begins."),
        "MRS303": Code("not-a-byte", "A byte value above 255."),
        "MRS304": Code("negative", "A number below zero where pages are counted."),
        "MRS305": Code("division-by-zero", "A division by zero."),
        "MRS306": Code("not-whole-pages", "A size that is not a multiple of the page size."),
        "MRS307": Code("too-large", "A number too large to mean anything here."),
        "MRS308": Code("outside-arena", "An address that the arena does not have."),
        "MRS309": Code("one-page", "One page is needed, not a range of several."),
        "MRS310": Code("picture", "A layout picture that is not one letter or dot a page."),
        "MRS311": Code("no-room", "The places without an address of their own do not fit into the arena."),
        "MRS312": Code("too-many", "A loop makes more statements, or processes, than a scenario may have."),
        "MRS313": Code("expression-too-long", "An expression has more parts than are allowed."),
        "MRS314": Code("no-folio-size", "A size that anonymous folios cannot have."),
        "MRS401": Code("unused-name", "A name that nothing mentions again.", WARNING),
        "MRS402": Code(
            "place-keeps-range", "A name is mapped again with another range, but stays what it was.", WARNING
        ),
        "MRS403": Code("never-checked", "An expectation for rules under which the scenario never runs.", WARNING),
        "MRS404": Code("expects-nothing", "A scenario without an expectation, which can hardly fail.", WARNING),
        "MRS405": Code("same-title", "Two scenarios of a file have the same title.", WARNING),
        "MRS406": Code("lost-documentation", "A `##` comment that nothing follows.", WARNING),
        "MRS499": Code("more", "There are more findings than are shown.", WARNING),
    }
)
"""Every code there is."""
