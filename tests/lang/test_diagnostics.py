"""The diagnostics: each of the cases in cases/*.txt has exactly the findings that it announces.

Cases are separated by lines of ``---``.  ``### MRSnnn "regexp"`` announces a finding of that code on its own
line whose cause or remedy matches, ``###+1 ...`` and ``###-1 ...`` one on the line after and before.  A
case may begin with a line ``### bytes``, which is not part of it: then escapes such as ``\\xff`` stand for bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mremapdsl.lang import CODES, Compiled

CASES = Path(__file__).parent / "cases"
ANNOUNCED = re.compile(r'###(?P<shift>[+-]\d+)? (?P<code>MRS\d\d\d) "(?P<text>(?:[^"\\]|\\.)*)"')


BYTES = "### bytes\n"
ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


def cases() -> Iterator[tuple[str, str]]:
    for path in sorted(CASES.glob("*.txt")):
        line = 1
        for case in re.split(r"^---\n", path.read_text(), flags=re.MULTILINE):
            yield f"{path.stem}:{line}", case
            line += case.count("\n") + 1


def announced(case: str) -> list[tuple[int, str, str]]:
    found = [
        (number + int(match["shift"] or 0), match["code"], match["text"].replace('\\"', '"'))
        for number, line in enumerate(case.split("\n"), 1)
        for match in ANNOUNCED.finditer(line)
    ]
    return sorted(found, key=lambda item: item[0])


@pytest.mark.parametrize("case", [case for _, case in cases()], ids=[name for name, _ in cases()])
def test_findings_are_those_announced(case: str, compiled: Callable[[str | bytes], Compiled]) -> None:
    text: str | bytes = case
    if case.startswith(BYTES):
        case = case.removeprefix(BYTES)
        text = ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), case.encode())
    found = compiled(text).diagnostics
    expected = announced(case)
    assert [(item.line, item.code) for item in found] == [(line, code) for line, code, _ in expected], found
    for item, (_, _, pattern) in zip(found, expected, strict=True):
        assert re.search(pattern, f"{item.message}; {item.remedy}"), item


def test_every_code_has_a_case() -> None:
    used = {code for _, case in cases() for _, code, _ in announced(case)}
    elsewhere = {"MRS004", "MRS108", "MRS311", "MRS313", "MRS499"}  # need long texts: see below
    assert used | elsewhere == set(CODES)


def test_findings_say_where_and_what_to_do(compiled: Callable[[str | bytes], Compiled]) -> None:
    for _, case in cases():
        for item in compiled(case).diagnostics:
            line = case.split("\n")[item.line - 1] if item.line <= case.count("\n") + 1 else ""
            assert 1 <= item.column <= len(line) + 1
            assert item.length >= 1
            assert item.message
            assert item.remedy
            assert not re.search(r"_END|LBRACE|ANON_\d|\$END|Token\(", item.message + item.remedy)


@pytest.mark.parametrize("depth", [99, 100, 101, 10_000])
def test_deep_blocks(depth: int, compiled: Callable[[str | bytes], Compiled]) -> None:
    found = compiled("mmap A 1\n" + "parent {" * depth + "touch A" + "}" * depth + "\nexpect vmas 1\n")
    assert [item.code for item in found.diagnostics] == (["MRS108"] if depth > 100 else [])


@pytest.mark.parametrize("depth", [99, 100, 101, 10_000])
def test_deep_parentheses(depth: int, compiled: Callable[[str | bytes], Compiled]) -> None:
    found = compiled(f"mmap A {'(' * depth}1{')' * depth}\nexpect vmas 1\n")
    assert [item.code for item in found.diagnostics] == (["MRS108"] if depth > 100 else [])


def test_deep_sums(compiled: Callable[[str | bytes], Compiled]) -> None:
    deep = f"{'(1+1*' * 90}1{')' * 90}"
    assert compiled(f"mmap A {deep}\nexpect vmas {deep}").diagnostics == ()
    assert [item.code for item in compiled(f"mmap A 1\nexpect A.page == {deep}").diagnostics] == ["MRS313"]


def test_long_values(compiled: Callable[[str | bytes], Compiled]) -> None:
    assert compiled("mmap A 1\nexpect A.page == " + "+".join(["1"] * 50)).diagnostics == ()
    found = compiled("mmap A 1\nexpect A.page == " + "+".join(["A.page"] * 5000))
    assert [item.code for item in found.diagnostics] == ["MRS313"]


def test_long_sums_of_numbers(compiled: Callable[[str | bytes], Compiled]) -> None:
    assert compiled(f"mmap A {'+'.join(['1'] * 20_000)}\nexpect vmas 1").diagnostics == ()


def test_long_text(compiled: Callable[[str | bytes], Compiled]) -> None:
    for text in (b"#" * (65 << 20), "#" * (65 << 20)):
        (found,) = compiled(text).diagnostics
        assert found.code == "MRS004"


def test_places_that_do_not_fit(compiled: Callable[[str | bytes], Compiled]) -> None:
    text = "\n".join(f"mmap A{i} 4T" for i in range(20)) + "\nexpect vmas 20"
    assert [item.code for item in compiled(text).diagnostics] == ["MRS311"]


def test_many_findings(compiled: Callable[[str | bytes], Compiled]) -> None:
    found = compiled("touch A\nmremap\n" * 20_000).diagnostics
    assert len(found) == 101
    assert found[-1].code == "MRS499"
    assert "19901 more" in found[-1].message


def test_errors_are_shown_rather_than_warnings(compiled: Callable[[str | bytes], Compiled]) -> None:
    found = compiled("".join(f'scenario "{i}" {{ }}\n' for i in range(200)) + "mremap\n").diagnostics
    assert [item.code for item in found if item.severity == "error"] == ["MRS101"]
