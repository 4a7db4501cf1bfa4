"""Documentation in a text trace: paragraphs fill the width, everything else stays as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mremapdsl.trace.markdown import filled

CODE = "    mremap A after B RELOCATE  # longer than the width"
ROWS = "| a long cell | another cell |\n|---|---|\n| 1 | 2 |"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one two\nthree four five six", "one two three\nfour five six"),
        ("one two three\nfour\n\nfive\nsix", "one two three\nfour\n\nfive six"),
        ("- one two three four\n  five\n- six", "- one two\n  three four\n  five\n- six"),
        ("text:\n- one\n  - two three four", "text:\n- one\n  - two three\n    four"),
        ("9. one two\n10. one two three four", "9. one two\n10. one two\n    three four"),
        ("it was in\n1948. So", "it was in\n1948. So"),
        ("> one two three\n> four\n>\n> - five", "> one two\n> three four\n>\n> - five"),
        (f"one\ntwo\n\n{CODE}\n{CODE}\n\nthree", f"one two\n\n{CODE}\n{CODE}\n\nthree"),
        (f"one\n```\n> {CODE}\n- a\n```\ntwo\nthree", f"one\n```\n> {CODE}\n- a\n```\ntwo three"),
        ("~~~~\na\n~~~\nb\n~~~~\nc\nd", "~~~~\na\n~~~\nb\n~~~~\nc d"),
        (f"one\n{ROWS}\ntwo", f"one\n{ROWS}\ntwo"),
        ("# A heading\ntext\nmore", "# A heading\ntext more"),
        ("title\n=====\ntext\n***\nmore", "title\n=====\ntext\n***\nmore"),
        ("one\\\ntwo\nthree\\\n\nfour", "one\\\ntwo three\\\n\nfour"),
        ("a-word-that-does-not-fit two", "a-word-that-does-not-fit\ntwo"),
    ],
)  # fmt: skip
def test_what_is_filled(text: str, expected: str) -> None:
    assert "\n".join(filled(text, 14)) == expected


WORDS = st.text("ab*`|#>-.1~=\\ \n", max_size=60)


@given(WORDS, st.integers(5, 40))
def test_nothing_is_lost(text: str, width: int) -> None:
    """But for the marks of quotes, which each line of them has."""
    lines = "\n".join(filled(text, width))
    assert [c for c in lines if c not in "> \n"] == [c for c in text if c not in "> \n"]
