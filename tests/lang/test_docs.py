"""Which scenario or statement a ``##`` comment belongs to."""

from __future__ import annotations

from collections.abc import Callable

from mremapdsl.program import Expect, Program, Step

Compile = Callable[[str], Program]


def docs(program: Program) -> list[tuple[str, str]]:
    """Text and documentation of everything that has some; the title stands for a scenario, `*` for the program."""
    found = [("*", program.doc)]
    for scenario in program.scenarios:
        found.append((scenario.title, scenario.doc))
        found += [(one.text, one.doc) for one in scenario.body if isinstance(one, Step | Expect)]
    return [(text, doc) for text, doc in found if doc]


def test_statements(program: Compile) -> None:
    made = program(
        """\
## The file.

mmap A 16
## Why *this* is
##   touched.
##
##more
touch A; read A
# a comment in between
## one

## two
# a comment
expect vmas 1
"""
    )
    assert docs(made) == [
        ("case", "The file."),
        ("touch A", "Why *this* is\n  touched.\n\nmore"),
        ("vmas 1", "one\n\ntwo"),
    ]


def test_what_is_no_documentation(program: Compile) -> None:
    made = program(
        'scenario "## no" { # ## no\n### no\n########\n#\n mmap A 16 file "##" ## yes\n expect vmas 1 # ##\n}'
    )
    assert docs(made) == [("vmas 1", "yes")]


def test_the_head_of_a_file_without_scenario(program: Compile) -> None:
    assert docs(program("## head\nmmap A 16; expect vmas 1")) == [("case", "head")]
    assert docs(program("\n\n# c\n## head\n\nmmap A 16; expect vmas 1")) == [("case", "head")]
    assert docs(program("## head\n\n## first\nmmap A 16; expect vmas 1")) == [("case", "head"), ("mmap A 16", "first")]
    assert docs(program("## head\n\n## more\n\nmmap A 16; expect vmas 1")) == [("case", "head\n\nmore")]
    assert docs(program("rules series\n## first\nmmap A 16; expect vmas 1")) == [("mmap A 16", "first")]
    assert docs(program("rules series\n## head\n\nmmap A 16; expect vmas 1")) == [("case", "head")]
    assert docs(program("## head\r\n## on\r\n\r\n## first\r\nmmap A 16; expect vmas 1")) == [
        ("case", "head\non"),
        ("mmap A 16", "first"),
    ]


def test_the_head_of_a_file_with_one_scenario(program: Compile) -> None:
    body = 'scenario "a" { expect vmas 0 }\n'
    assert docs(program(f"## head\n{body}")) == [("a", "head")]
    assert docs(program(f"## head\n\n{body}")) == [("a", "head")]
    assert docs(program(f"## head\n\n## more\n{body}")) == [("a", "head\n\nmore")]
    assert docs(program(f"## head\n\nlet n = 1\n## more\n{body.replace('0', 'n')}")) == [("a", "head\n\nmore")]


def test_the_head_of_a_file_with_several_scenarios(program: Compile) -> None:
    body = 'scenario "a" { expect vmas 0 }\n## of b\n\nscenario "b" {\n  ## of it\n  expect vmas 0\n}\n'
    rest = [("b", "of b"), ("vmas 0", "of it")]
    assert docs(program(f"## head\n{body}")) == [("a", "head"), *rest]
    assert docs(program(f"## head\n\n{body}")) == [("*", "head"), *rest]
    assert docs(program(f"## head\n\n## of a\n{body}")) == [("*", "head"), ("a", "of a"), *rest]
    assert docs(program(f"## head\n\n## more\n\n{body}")) == [("*", "head\n\nmore"), *rest]


def test_blocks_hand_it_to_their_first_statement(program: Compile) -> None:
    made = program(
        "mmap A 16; fork\n## loop\nfor i in 0..2 {\n  touch A[i]\n  read A }\n"
        "## other\nchild { let n = 1; read A[n] }\n"
        "## prefixed\nchild: expect vmas 1\n"
    )
    assert docs(made) == [
        ("touch A[i]", "loop"),
        ("touch A[i]", "loop"),
        ("read A[n]", "other"),
        ("vmas 1", "prefixed"),
    ]
