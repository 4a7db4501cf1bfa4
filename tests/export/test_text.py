"""Text of scenarios in C."""

from __future__ import annotations

import pytest

from mremapdsl.export.text import WIDTH, call, comment, function_name, string, title, variable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", '"plain"'),
        ('a "quote"', r'"a \"quote\""'),
        ("C:\\new", r'"C:\\new"'),
        ("what??/", r'"what?\?/"'),
        ("????=", r'"?\??\?="'),
        ("tab\there", r'"tab\011here"'),
        ("\u202eturned", r'"\342\200\256turned"'),
        ("\x011", r'"\0011"'),
        ("Größe", '"Größe"'),
    ],
)
def test_a_string_says_what_the_text_says(text: str, expected: str) -> None:
    assert string(text) == expected


def test_a_comment_is_not_ended_by_its_text() -> None:
    assert comment("one */ int x; /* two", "\t") == ["\t/* one * / int x; / * two */"]
    assert comment("a\n\nb??/\n") == ["/*", " * a", " *", " * b? ?/", " */"]
    assert comment("turned \u202e round") == ["/* turned   round */"]
    assert comment(" \n") == []


def test_a_title_is_one_line_without_a_directive() -> None:
    assert title("page #3\n# SKIP it") == "page no. 3 no. SKIP it"


def test_names_are_identifiers_and_new() -> None:
    assert function_name("The child writes, first!", ()) == "test_the_child_writes_first"
    assert function_name("Ü", ()) == "test_scenario"
    assert function_name("a b", {"test_a_b", "test_a_b_2"}) == "test_a_b_3"
    assert [variable(name, {"arena"}) for name in ("A", "int", "EOF", "_x", "arena", "Ä")] == [
        "A", "at_int", "at_EOF", "at__x", "arena_2", "at__",
    ]  # fmt: skip


def test_long_calls_are_broken_outside_of_strings() -> None:
    text = 'skip("' + "one, two, " * 9 + '", ' + ", ".join(f"argument_{i}" for i in range(12)) + ")"
    lines = call("\t", text)
    assert " ".join(line.strip() for line in lines) == f"{text};"
    assert '"' + "one, two, " * 9 + '"' in lines[0]
    assert all(len(line.expandtabs(8)) <= WIDTH for line in lines[1:])
