"""The Pygments lexers: golden tokens, agreement with the grammar, and no text that stops them."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("pygments")

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename, guess_lexer
from pygments.style import Style
from pygments.styles import get_style_by_name
from pygments.token import Error, Token

from mremapdsl import api
from mremapdsl.lang.parse import automaton, keyword, shifted
from mremapdsl.lang.words import keywords
from mremapdsl.tools import lexer as kinds
from mremapdsl.tools.lexer import MrsLexer
from mremapdsl.tools.styles import MrsDarkStyle, MrsStyle
from mremapdsl.tools.trace_lexer import ConsoleLexer, TraceLexer
from mremapdsl.trace.text import scenario_text

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SCENARIOS = sorted({*ROOT.glob("examples/**/*.mrs"), *ROOT.glob("tests/trace/golden/*.mrs")})
TOUR = (HERE / "golden" / "tour.mrs").read_text(encoding="utf-8")


def tokens(text: str) -> list[tuple[object, str]]:
    return list(MrsLexer(stripnl=False, ensurenl=False).get_tokens(text))


def errors(text: str) -> list[str]:
    return [value for token, value in tokens(text) if token in Error]


def test_the_tokens_of_the_tour_are_those_looked_at() -> None:
    golden = HERE / "golden" / "tour.tokens"
    text = "".join(
        f"{str(token).removeprefix('Token.')}\t{value!r}\n" for token, value in tokens(TOUR) if value.strip(" ")
    )
    if os.environ.get("MREMAPDSL_BLESS"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8"), "MREMAPDSL_BLESS=1 accepts the new tokens"


def test_the_lexers_are_found_by_name_and_file() -> None:
    assert isinstance(get_lexer_by_name("mrs"), MrsLexer)
    assert isinstance(get_lexer_by_name("mrs-trace"), TraceLexer)
    assert isinstance(get_lexer_for_filename("x.mrs"), MrsLexer)
    assert get_style_by_name("mrs") is MrsStyle
    assert get_style_by_name("mrs-dark") is MrsDarkStyle
    assert isinstance(guess_lexer("mmap A 16\ntouch A\nexpect merged\n"), MrsLexer)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_has_no_error_tokens_and_keeps_its_text(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert errors(text) == []
    assert "".join(value for _, value in tokens(text)) == text


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_trace_keeps_its_text(path: Path) -> None:
    text = "\n".join(scenario_text(record) for record in api.run(path))
    found = list(TraceLexer(stripnl=False, ensurenl=False).get_tokens(text))
    assert "".join(value for _, value in found) == text
    assert not [value for token, value in found if token in Error]


def test_quoted_source_may_go_on_in_the_next_line() -> None:
    text = "    as with `after\n        NAME` or `before NAME`\n"
    quoted = [value for kind, value in TraceLexer().get_tokens(text) if kind in Token.String]
    assert quoted == ["`after\n        NAME`", "`before NAME`"]


def test_commands_and_what_they_report() -> None:
    text = (
        '$ mremapdsl x.mrs\nFAILED  x.mrs: "a b" [linux-6.18]\nx.mrs:5: expect never merged\n'
        "x.mrs:9: munmap B = ok\n$ mremapdsl y.mrs\nok      y.mrs [relocate-v1 with pinned=abort]\n# no comment"
    )
    found = list(ConsoleLexer(stripnl=False, ensurenl=False).get_tokens(text))
    assert "".join(value for _, value in found) == text
    for token in (
        (Token.Generic.Strong, "mremapdsl y.mrs"), (Token.Generic.Error, "FAILED"), (kinds.RULES, "linux-6.18"),
        (kinds.CHECK, "expect"), (Token.Operator.Word, "never"), (kinds.CALL, "munmap"), (Token.Generic.Inserted, "ok"),
        (kinds.RULES, "relocate-v1 with pinned=abort"),
    ):  # fmt: skip
        assert token in found


# --- documents that quote the language ---------------------------------------------------------------------------

QUOTED = [
    "mmap NAME SIZE [PROT] [shared] [noreserve] [populate] [file F [+ PAGES]] [at POINT \\| after X \\| before X]",
    "munmap RANGE", "mprotect RANGE PROT", "madvise RANGE ADVICE", "touch RANGE [BYTE]", "read RANGE",
    "mremap RANGE [DST] [size N] FLAG…", "fork [NAME]", "NAME: statement", "NAME { … }", "ksm merge on\\|off",
    "migrate RANGE begin", "set KEY VALUE", "mthp SIZE always\\|madvise\\|never", "touch … fails SEGV",
    "STATEMENT fails ERRNO", "expect PREDICATE [on RULES, …]", 'scenario "title" [on RULES, …] { … }',
    "rules RULES [with KEY=VALUE, …]", "let NAME = EXPR", "for i in 0..N { … }", "not merged", "merged A B …",
    'layout POINT "AAAAA.bbbbb"', "fallback [because REASON]", "A.anon_vma.root", ".num_children", "A[2..5]",
    "count vmas|anon_vmas|folios_relocated", "child:A[0].frame", "A[0] is anon|zero|ksm|huge|swap",
    "rmap A[0] == parent:A[0], child:A[0]", "@16+5", "after A + 2", "A+3", "== != < <= > >=", "trigger=flag|auto",
    "4K 64K 2M 1G 1T", "linux-6.18", "MADV_", "{ … }", "@<message-id>", "0x200000000000", "# …", "## …", "|", ".",
]  # fmt: skip


@pytest.mark.parametrize("text", QUOTED)
def test_what_documents_quote_has_no_error_tokens(text: str) -> None:
    assert errors(text) == []


ONE_LINERS = """\
mmap A 16; fork; mremap A B RELOCATE; expect merged
mmap B 16; touch B; mmap A 16; touch A; mremap A after B;                expect not merged
mmap B 16; touch B; mmap A 16; touch A; mremap A after B RELOCATE;       expect merged
mmap B 16; touch B; mmap A 16; touch A; fork; mremap A after B RELOCATE; expect not merged; expect fallback
"""


def blocks(document: str) -> Iterator[str]:
    """The fenced scenarios of a Markdown page."""
    yield from re.findall(r"^```mrs\n(.*?)^```", document, re.MULTILINE | re.DOTALL)


def test_scenarios_in_documents_have_no_error_tokens() -> None:
    assert errors(ONE_LINERS) == []
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]:
        if page.exists():
            for code in blocks(page.read_text(encoding="utf-8")):
                assert errors(code) == [], page


# --- agreement with the grammar ----------------------------------------------------------------------------------

KEYWORD = {kinds.CALL, kinds.STRUCTURE, kinds.CHECK}
MEANT: dict[str, set[object]] = {
    "PROT": {kinds.PROTECTION}, "MAPPING": {kinds.MAPPING}, "FLAG": {kinds.FLAG}, "ADVICE": {kinds.ADVICE},
    "ERRNO": {kinds.ERRNO}, "BESIDE": {kinds.WHERE}, "PHASE": {kinds.CHOICE}, "SWITCHED": {kinds.ATTRIBUTE},
    "SWITCH": {kinds.CHOICE}, "THP_MODE": {kinds.CHOICE}, "SIDE": {kinds.CHOICE}, "MOVED": {kinds.PREDICATE},
    "PAGE_STATE": {kinds.CHOICE}, "VMA_ATTRIBUTE": {kinds.ATTRIBUTE}, "PAGE_ATTRIBUTE": {kinds.ATTRIBUTE},
    "ANON_VMA": {kinds.ATTRIBUTE}, "ANON_VMA_ATTRIBUTE": {kinds.ATTRIBUTE}, "RANGE_CALL": {kinds.CALL},
    "NAME": {kinds.PLACE, kinds.CONSTANT, kinds.PROCESS, kinds.ATTRIBUTE},
    "DASHED": {kinds.RULES, kinds.DECISION, kinds.CHOICE, kinds.REASON},
    "NUMBER": {Token.Number.Integer, Token.Number.Hex}, "SIZE": {kinds.SIZE},
    "TEXT": {Token.String.Double, Token.String.Delimiter},
}  # fmt: skip


def parsed(text: str) -> Iterator[tuple[str, int, str]]:
    """(terminal, offset, text) of each token as the parser reads it."""
    machine = automaton()
    names = {number: name for name, number in machine.number.items()}
    states: list[int] | None = [0]
    position = 0
    while states:
        match, kinds = machine.scanners[states[-1]]
        found = match(text, position)
        assert found is not None
        group = found.lastindex or 0
        start, position = found.span(group)
        kind = kinds[group]
        if kind in machine.names and text[start:position] in machine.words:
            kind = keyword(machine, states, text[start:position], kind)
        if names[kind] == "$END":
            return
        yield names[kind], start, text[start:position]
        states = shifted(machine, states, kind)
    raise AssertionError(f"no scenario: {text[start:position]!r} at {start}")


@pytest.mark.parametrize("path", [*SCENARIOS, HERE / "golden" / "tour.mrs"], ids=lambda path: path.stem)
def test_the_lexer_sees_what_the_parser_sees(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("{ $ }", "{ }")
    seen: dict[int, object] = {}
    for offset, token, value in MrsLexer().get_tokens_unprocessed(text):
        seen.update(dict.fromkeys(range(offset, offset + len(value)), token))
    plain = {*KEYWORD, kinds.WHERE, kinds.PREDICATE, kinds.ATTRIBUTE, kinds.CHOICE, Token.Operator.Word}
    for terminal, start, value in parsed(text):
        expected = MEANT.get(terminal, plain if value.isidentifier() else None)
        if expected is not None:
            line = text.count("\n", 0, start) + 1
            assert seen[start] in expected, f"line {line}: {terminal} {value!r} is {seen[start]}"


def test_every_word_of_the_grammar_is_known() -> None:
    samples = {
        "prot": "mmap A 4 {}", "mapping": "mmap A 4 {}", "flag": "mremap A {}", "advice": "madvise A {}",
        "errno": "touch A fails {}", "beside": "mremap A {} B", "phase": "migrate A {}", "switched": "set {} on",
        "switch": "set swap {}", "thp_mode": "set thp {}", "side": "expect merged {}", "moved": "expect {}",
        "page_state": "expect A is {}", "statement": "{} A", "predicate": "expect {} A", "range_call": "{} A",
        "vma_attribute": "expect A.{}",
        "page_attribute": "expect A[0].{}", "anon_vma_attribute": "expect A.anon_vma.{}"
    }  # fmt: skip
    assert set(samples) == set(keywords()) - {"other"}
    for kind, sample in samples.items():
        for word in keywords()[kind]:
            found = [token for token, value in tokens(sample.format(word)) if value == word]
            assert found, word
            assert found[0] not in (kinds.PLACE, kinds.CONSTANT, kinds.PROCESS, Error), (kind, word)


# --- robustness --------------------------------------------------------------------------------------------------

PIECES = [*re.findall(r"\S+|\s", TOUR), "\0", "é", "☃", "```", "## ```\n", '"', "\\", "\r\n", "##", "@<", "\x85"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=40).map("".join))
def test_no_text_stops_the_lexers(text: str) -> None:
    for made in (lexer(stripnl=False, ensurenl=False) for lexer in (MrsLexer, TraceLexer, ConsoleLexer)):
        assert "".join(value for _, _, value in made.get_tokens_unprocessed(text)) == text


def test_long_texts_take_no_more_than_linear_time() -> None:
    random.seed(1)
    for text in ('"' * 20000, "## " * 20000, "##\n" * 20000, "A[" * 20000, "a:" * 20000, " " * 20000, "@<" * 20000):
        assert "".join(value for _, value in tokens(text)) == text
        console = ConsoleLexer(stripnl=False, ensurenl=False)
        assert "".join(value for _, _, value in console.get_tokens_unprocessed(text)) == text


# --- styles ------------------------------------------------------------------------------------------------------


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("style", [MrsStyle, MrsDarkStyle])
def test_every_colour_of_a_style_can_be_read(style: type[Style]) -> None:
    background = style.background_color.lstrip("#")
    for token, how in style:
        if how["color"]:
            assert contrast(how["color"], background) >= 4.5, token


def test_states_of_a_layout_have_classes_of_their_own() -> None:
    html = highlight('expect layout A "AA.b"', MrsLexer(), HtmlFormatter(style=MrsStyle))
    for part in ("ss-Faulted", "ss-Unfaulted", "ss-Unmapped"):
        assert part in html
