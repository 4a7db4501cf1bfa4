"""Pygments lexer for scenarios (``pygmentize -l mrs``).

Every word list comes from the grammar, so that a new keyword is coloured as soon as it parses.  As in the language
itself a word is a keyword only where that keyword can stand: in ``mmap r 4 r`` the first ``r`` is a place, the second
a protection.  No text makes the lexer fail; what cannot stand in a scenario at all becomes an Error token.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeAlias

from pygments.lexer import RegexLexer, default, include, words
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, Punctuation, String, Text, Whitespace

from mremapdsl.lang import words as grammar
from mremapdsl.tools.pygments_parts import Tokens, TokenType, bygroups, do_insertions, markdown

State: TypeAlias = list[Any]

CALL = Keyword
STRUCTURE = Keyword.Declaration
CHECK = Keyword.Reserved
PREDICATE = Name.Function
WHERE = Keyword.Pseudo
PROTECTION = Keyword.Type
MAPPING = Keyword.Type.Mapping
CHOICE = Keyword.Constant
FLAG = Name.Builtin
ADVICE = Name.Builtin.Pseudo
ERRNO = Name.Exception
PLACE = Name.Variable
CONSTANT = Name.Constant
PROCESS = Name.Namespace
RULES = Name.Class
DECISION = Name.Attribute
REASON = Name.Label
ATTRIBUTE = Name.Property
CITATION = Name.Entity
SIZE = Number.Integer.Size
POINT = Punctuation.Marker
FAULTED = String.Symbol.Faulted
UNFAULTED = String.Symbol.Unfaulted
UNMAPPED = String.Symbol.Unmapped
PROSE = String.Doc

NAME = r"[A-Za-z_]\w*"
DURING = r"during(?=\s+relocation\b)|relocation(?=\s*\{)"
DASHED = r"[A-Za-z_]\w*(?:[.-]\w+)*"
CITED = re.compile(r"@<[^<>\s]+>")
MARKED = re.compile(r"[ \t]*##(?!#)[ ]?", re.ASCII)
MOST_LINES = 1000
"""Of a block of documentation that is taken for Markdown: its lexer takes quadratic time for empty lines."""
DOCUMENTATION = r"##(?!#)[^\n]*(?:\n[ \t]*##(?!#)[^\n]*)*"


def documentation(_lexer: RegexLexer, match: re.Match[str], _context: object = None) -> Tokens:
    """A block of ``##`` lines: marks, citations, and Markdown as its own lexer sees it."""
    prose: list[str] = []
    inserted: list[tuple[int, list[tuple[int, TokenType, str]]]] = []
    length = 0
    for line in match.group().splitlines(keepends=True):
        mark = MARKED.match(line)
        at = mark.end() if mark else 0
        inserted.append((length, [(0, Comment.Special, line[:at])] if at else []))
        for cited in CITED.finditer(line, at):
            prose.append(line[at : cited.start()])
            length += len(prose[-1])
            inserted.append((length, [(0, CITATION, cited.group())]))
            at = cited.end()
        prose.append(line[at:])
        length += len(prose[-1])
    text = "".join(prose)
    tokens = markdown(text) if len(inserted) < MOST_LINES else iter([(0, PROSE, text)])
    for offset, token, text in do_insertions(inserted, tokens):
        yield match.start() + offset, PROSE if token in (Text, Error) else token, text


def nothing(_lexer: RegexLexer, _match: re.Match[str], _context: object = None) -> Tokens:
    """No token: for a rule that only looks ahead."""
    return iter(())


def word(kind: str) -> words:
    """The words of one kind of the grammar's, as a rule's pattern."""
    return these(grammar.words(kind))


def these(listed: Iterable[str]) -> words:
    return words(tuple(listed), suffix=r"(?![\w])")


def field(token: TokenType, state: str = "#pop") -> State:
    """A state that takes one name as ``token``, and leaves."""
    return [include("space"), (NAME, token, state), default("#pop")]


def call(*rules: Any) -> State:
    """The state of what follows a call's word: ``rules``, then what may follow any call."""
    begin = [include("space"), (r"fails\b", CHECK, "errno"), (DURING, STRUCTURE)]
    return [*begin, *rules, include("expression"), include("over")]


def statements() -> State:
    """What begins a statement: its word, its token, and the states for what follows."""
    own = {
        "mmap": ("mmap", "place"), "mprotect": ("mprotect", "operand"), "madvise": ("madvise", "operand"),
        "touch": ("range", "operand"), "mremap": ("mremap", "operand"), "fork": ("process",), "exit": ("process",),
        "ksm": ("ksm",), "migrate": ("migrate", "operand"), "set": ("set",), "expect": ("predicate", "head"),
        "let": ("let", "constant"), "for": ("let", "constant"), "rules": ("rules",), "scenario": ("scenario",),
        "show": ("show",), "any": ("any",), "choose": ("show",), "maybe": (), "if": ("let",),
        "swapout": ("swapout", "operand"),
    }  # fmt: skip
    tokens = dict.fromkeys(("let", "for", "if", "rules", "scenario", "any", "choose", "maybe"), STRUCTURE)
    tokens |= {"expect": CHECK, "show": CHECK}
    return [
        (rf"{name}(?!\w)(?![ \t]*:)", tokens.get(name, CALL), own.get(name, ("range", "operand")))
        for name in grammar.words("statement")
    ]


SPACE: State = [
    (r"[ \t\r]+", Whitespace),
    (DOCUMENTATION, documentation),
    (r"#[^\n]*", Comment.Single),
]
EXPRESSION: State = [
    (r"0x[0-9A-Fa-f]+\b", Number.Hex),
    (r"[0-9]+[KMGT]\b", SIZE),
    (r"[0-9]+\b", Number.Integer),
    (r"[0-9]\w*", Error),
    (r"@(?=<)", POINT),
    (r"@", POINT),
    (r"\[", Punctuation, "index"),
    (r"\.\.", Operator),
    (r"[=!<>]=|[<>=+*/%-]", Operator),
    (r"[().,:\]]", Punctuation),
    (r'"', String.Double, "text"),
    (r"[…|\\·]+", Punctuation),  # of documents that quote the language
    (NAME, CONSTANT),
]
OVER: State = [
    (r"(?=[\n;{}])", nothing, "#pop"),
    (r"[^\W\d]\w*", Error),
    (r".", Error),
]
PREDICATES: State = [
    include("space"),
    (r"on(?!\w)", STRUCTURE, "rules"),
    (r"(\.)([ \t]*)(" + NAME + ")", bygroups(Punctuation, Whitespace, ATTRIBUTE)),
    (r"is(?!\w)", Operator.Word, "state"),
    (r"because(?!\w)", CHECK, "reason"),
    (r"count(?=[ \t]+[A-Za-z_])", PREDICATE, "counted"),
    (these(["none"]), CHOICE),
    (rf"{NAME}(?=[ \t]*:)", PROCESS),
    (word("beside"), WHERE),
    (NAME, PLACE),
    include("expression"),
    include("over"),
]
HEADS: State = [
    include("space"),
    (these(["not", "always", "sometimes", "never"]), Operator.Word),
    (r"layout(?!\w)", PREDICATE, ("#pop", "layout")),
    (r"count(?!\w)", PREDICATE, ("#pop", "counted")),
    (r"merged(?!\w)", PREDICATE, ("#pop", "side")),
    (r"violation(?!\w)", PREDICATE, ("#pop", "reason")),
    (r"none(?!\w)", CHOICE, "#pop"),
    (word("predicate"), PREDICATE, "#pop"),
    default("#pop"),
]
STRINGS: dict[str, State] = {
    "text": [
        (r'[^"\\\n]+', String.Double),
        (r"\\[^\n]", String.Escape),
        (r'"', String.Double, "#pop"),
        (r"\\?(?=\n)|\\$", Error, "#pop"),
        default("#pop"),
    ],
    "pattern": [
        (r"[A-Z]+", FAULTED),
        (r"[a-z]+", UNFAULTED),
        (r"\.+", UNMAPPED),
        (r'"', String.Delimiter, "#pop"),
        (r'[^A-Za-z."\n]+', String.Double),
        default("#pop"),
    ],
}
PARTS: dict[str, State] = {
    "place": field(PLACE),
    "constant": field(CONSTANT),
    "counted": field(ATTRIBUTE),
    "operand": [
        include("space"),
        (rf"({NAME})([ \t]*)(:)", bygroups(PROCESS, Whitespace, Punctuation)),
        (word("beside"), WHERE),
        (r'"', String.Double, ("#pop", "text")),
        (NAME, PLACE, "#pop"),
        (r"@", POINT, "#pop"),
        default("#pop"),
    ],
    "index": [include("space"), (r"\]", Punctuation, "#pop"), include("expression"), include("over")],
    "errno": [include("space"), (word("errno"), ERRNO, "#pop"), default("#pop")],
    "state": [include("space"), (word("page_state"), CHOICE, "#pop"), default("#pop")],
    "side": [include("space"), (word("side"), CHOICE, "#pop"), default("#pop")],
    "reason": [include("space"), (r"(?=on(?!\w))", nothing, "#pop"), (DASHED, REASON, "#pop"), default("#pop")],
    "layout": [
        include("space"),
        (r'"', String.Delimiter, ("#pop", "pattern")),
        (rf"{NAME}(?=[ \t]*:)", PROCESS),
        (word("beside"), WHERE),
        (NAME, PLACE),
        include("expression"),
        (r"(?=[\n;{}])", nothing, "#pop"),
        default("#pop"),
    ],
}
TAILS: dict[str, State] = {
    "mmap": call(
        (word("prot"), PROTECTION),
        (word("mapping"), MAPPING),
        (these(["file", "at"]), WHERE, "operand"),
        (word("beside"), WHERE, "operand"),
    ),
    "mprotect": call((word("prot"), PROTECTION)),
    "madvise": call((word("advice"), ADVICE)),
    "mremap": call(
        (these(["to"]), WHERE, "operand"),
        (word("beside"), WHERE, "operand"),
        (these(["size"]), WHERE, "constant"),
        (word("flag"), FLAG),
        (NAME, PLACE),
    ),
    "range": call(),
    "swapout": call((these(["cached"]), CHOICE)),
    "process": call((NAME, PROCESS)),
    "ksm": call((these(["scan", "merge"]), CALL), (word("switch"), CHOICE)),
    "migrate": call((word("phase"), CHOICE)),
    "set": call(
        (these(["thp", "mthp", "max_map_count"]), ATTRIBUTE),
        (word("switched"), ATTRIBUTE),
        (word("thp_mode"), CHOICE),
        (word("switch"), CHOICE),
    ),
    "show": call(),
    "any": [include("space"), (r"order(?!\w)", STRUCTURE), include("over")],
    "let": [include("space"), (r"in(?!\w)", STRUCTURE), include("expression"), include("over")],
    "scenario": [include("space"), (r"on(?!\w)", STRUCTURE, "rules"), include("expression"), include("over")],
    "rules": [
        include("space"),
        (r"with(?!\w)", STRUCTURE),
        (rf"({DASHED})([ \t]*)(=)", bygroups(DECISION, Whitespace, Operator), "choice"),
        (DASHED, RULES),
        (r",", Punctuation),
        include("expression"),
        include("over"),
    ],
    "choice": [include("space"), (DASHED, CHOICE, "#pop"), default("#pop")],
    "predicate": PREDICATES,
    "head": HEADS,
}


class MrsLexer(RegexLexer):
    """Scenarios of mremapdsl."""

    name = "mremapdsl scenario"
    aliases = ("mrs", "mremapdsl")
    filenames = ("*.mrs",)
    mimetypes = ("text/x-mrs",)
    url = "https://pypi.org/project/mremapdsl/"
    flags = re.ASCII
    tokens = {  # noqa: RUF012  (Pygments' own way)
        "root": [
            include("space"),
            (r"\n+", Whitespace),
            (r"[;{}]", Punctuation),
            (DURING, STRUCTURE),
            (r"(?:or|else)(?=\s*\{)|else(?=\s+if\b)", STRUCTURE),
            *statements(),
            (rf"({NAME})(\s*)(:|(?=\{{))", bygroups(PROCESS, Whitespace, Punctuation)),
            # What begins no statement: a part of one, as documents quote them.
            (word("flag"), FLAG),
            (word("advice"), ADVICE),
            (word("errno"), ERRNO),
            (r"(?=[@\"\w…|\\·\[(=!<>.-])", nothing, ("predicate", "head")),
            (r".", Error),
        ],
        "space": SPACE,
        "expression": EXPRESSION,
        "over": OVER,
        **STRINGS,
        **PARTS,
        **TAILS,
    }

    def analyse_text(text: str) -> float:  # type: ignore  # noqa: N805  # pyright: ignore
        """How likely a text is a scenario: by a mapping with a name and a size, and a check."""
        mapped = re.search(
            r"^\s*(?:\w+: *)?(?:mmap|touch|mremap) [A-Za-z_]\w*(?:\[.*\])?(?: +\w+| *$)", text, re.MULTILINE
        )
        checked = re.search(r"^\s*expect |;\s*expect ", text, re.MULTILINE)
        return 0.4 * bool(mapped) + 0.3 * bool(checked)
