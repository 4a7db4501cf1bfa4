"""The word lists and parse tables follow from the grammar alone."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from lark import Lark, Token, logger

from mremapdsl.lang import build, keywords, syntax
from mremapdsl.lang import tables as stored
from mremapdsl.lang.explain import next_token
from mremapdsl.lang.generate import finite_words, generate
from mremapdsl.lang.operations import OPERATIONS, RANGE_CALLS
from mremapdsl.lang.parse import automaton, shifted
from mremapdsl.lang.predicates import PREDICATES
from mremapdsl.lang.words import distance, meant
from mremapdsl.ops import MREMAP_FLAGS
from tests.lang.test_fuzz import VALID

GRAMMAR = Path(stored.grammar_path()).read_bytes()


def test_keywords() -> None:
    found = keywords()
    assert {"mmap", "ksm", "munmap", "for", "scenario", "expect", "set"} <= set(found["statement"])
    assert {"merged", "vma", "fallback", "not", "relocated", "violation"} <= set(found["predicate"])
    assert {"DONTNEED", "MADV_DONTNEED", "GUARD_REMOVE"} <= set(found["advice"])
    assert {"SEGV", "EFAULT"} <= set(found["errno"])
    assert {"pgoff", "page", "chain"} == set(found["vma_attribute"])
    assert {"at", "to", "with", "because", "size", "file"} <= set(found["other"])
    assert not set(found["other"]) & {word for kind, words in found.items() if kind != "other" for word in words}


def test_flags_are_those_of_the_operations() -> None:
    short = {flag.removeprefix("MREMAP_").removesuffix("_ANON") for flag in keywords()["flag"]}
    assert short == set(MREMAP_FLAGS)


def test_every_statement_and_predicate_has_a_meaning() -> None:
    assert set(keywords()["range_call"]) == set(RANGE_CALLS)
    assert set(OPERATIONS) == set(syntax.Operation.__args__)
    assert set(PREDICATES) == set(syntax.Predicate.__args__)


def test_every_rule_has_a_record_of_its_size() -> None:
    for rule in stored.tables().rules:
        if rule.builder not in ("", "_", *build.OTHERS):
            made = build.builder(rule.builder)([None] * len(rule.picks), 0, 1)
            assert len(made) == len(made._fields), rule


def test_tables_do_not_depend_on_anything_but_the_grammar() -> None:
    made = generate(GRAMMAR.decode())
    assert generate(GRAMMAR.decode()) == made
    content = stored.dump(GRAMMAR, made)
    assert stored.load(GRAMMAR, content) == made
    assert stored.load(GRAMMAR + b"\n", content) is None
    assert stored.load(GRAMMAR, b"garbage") is None
    assert stored.load(GRAMMAR, content[:1000]) is None
    assert stored.load(GRAMMAR, b"") is None


def test_larks_own_parser_takes_the_same_tokens() -> None:
    parser = Lark(GRAMMAR.decode(), parser="lalr", maybe_placeholders=True)
    machine = automaton()
    names = {number: name for name, number in machine.number.items()}
    for text in (
        VALID,
        "mmap r 16; mremap r w; mremap w x RELOCATE fails EFAULT",
        "parent { show } ; child: touch A[n..2] n",
    ):
        interactive = parser.parse_interactive("")
        states, position = [0], 0
        while (token := next_token(machine, text, states, position)).kind != machine.number["$END"]:
            interactive.feed_token(Token(names[token.kind], text[token.start : token.end]))
            after = shifted(machine, states, token.kind)
            assert after is not None
            states, position = after, token.end
        assert interactive.feed_eof().data == "start"


def test_the_grammar_has_no_conflicts(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger.name):
        Lark(GRAMMAR.decode(), parser="lalr", maybe_placeholders=True, debug=True)
    assert "conflict" not in caplog.text.lower()


def test_no_keyword_can_be_two_things_at_once() -> None:
    tables = stored.tables()
    for row in tables.actions:
        words = [word for kind, action in row.items() if action >= 0
                 for word in tables.words.get(tables.terminals[kind], ())]  # fmt: skip
        assert len(words) == len(set(words))


@pytest.mark.parametrize(
    ("regexp", "expected"),
    [
        ("mmap", ("mmap",)),
        ("(?:a|bc)", ("a", "bc")),
        ("(?:X_)?(?:a|b)", ("a", "b", "X_a", "X_b")),
        ("(?:a|b(?:c|d)?e)", ("a", "be", "bce", "bde")),
        (r"\+", ()),
        ("[a-z]+", ()),
        ("a*", ()),
        ("(?:==|a)", ()),
    ],
)
def test_finite_words(regexp: str, expected: tuple[str, ...]) -> None:
    assert finite_words(regexp) == expected


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [("", "", 0), ("abc", "", 3), ("", "ab", 2), ("abc", "abc", 0), ("abc", "acb", 1), ("abcd", "badc", 2),
     ("mprotekt", "mprotect", 1), ("ca", "abc", 3), ("touhc", "touch", 1)],
)  # fmt: skip
def test_distance(one: str, other: str, slips: int) -> None:
    assert distance(one, other) == distance(other, one) == slips


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("mprotekt", ["mmap", "mprotect"], "mprotect"),
        ("dontneed", ["DONTNEED", "DONTFORK"], "DONTNEED"),
        ("rmap-complete", ["rmap_complete"], "rmap_complete"),
        ("A", ["B", "is"], None),
        ("AB", ["AC"], None),
        ("xyz", ["touch"], None),
        ("touch", ["touch"], None),
        ("x" * 10_000, ["x" * 9_999], None),
    ],
)
def test_meant(word: str, known: list[str], expected: str | None) -> None:
    assert meant(word, known) == expected
