"""JUnit XML, held by what Jenkins' schema (junit-10.xsd) and GitLab's documentation allow."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from mremapdsl import api
from mremapdsl.backend import Unsupported
from mremapdsl.output.junit import classname_of, legal
from tests.cli.conftest import BAD, FAILS, PASSES, Cli

TWO = f'scenario "one <&>" on relocate-v1, linux-6.18 {{\n{PASSES}}}\nscenario "two" {{\n{FAILS}}}\n'
TIME = r"\d+\.\d{3}"
NUMBER = r"\d+"
ANY = r"(?s).*"
SUITE = {"name": ANY, "tests": NUMBER, "failures": NUMBER, "errors": NUMBER, "skipped": NUMBER, "time": TIME}
SHAPE: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "testsuites": (
        {"name": ANY, "tests": NUMBER, "failures": NUMBER, "errors": NUMBER, "time": TIME}, ("testsuite",),
    ),
    "testsuite": (SUITE, ("testcase",)),
    "testcase": ({"name": ".+", "classname": ".+", "time": rf"{TIME}|0"}, ("skipped", "error", "failure")),
    "skipped": ({"type": ".+", "message": ".+"}, ()),
    "error": ({"type": ".+", "message": ".+"}, ()),
    "failure": ({"type": ".+", "message": ".+"}, ()),
}  # fmt: skip
"""Element -> its attributes, all of which must be there, and what it may hold."""


def check(element: Element) -> None:
    """An element and all in it are as the schema has them, and sums are right."""
    attributes, children = SHAPE[element.tag]
    assert set(element.keys()) == set(attributes), element.tag
    for name, pattern in attributes.items():
        assert re.fullmatch(pattern, element.get(name, "")), (element.tag, name, element.get(name))
    for child in element:
        assert child.tag in children, (element.tag, child.tag)
        check(child)
    if element.tag == "testsuite":
        assert int(element.get("tests", "")) == len(element)
        for plural, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.get(plural, "")) == len(element.findall(f"testcase/{tag}"))
        names = [(case.get("classname"), case.get("name")) for case in element]
        assert len(set(names)) == len(names), "GitLab reads only the first of several with one name"
        assert all(len(case) <= 1 for case in element), "GitLab reads one failure"
    if element.tag == "testsuites":
        for name in ("tests", "failures", "errors"):
            assert int(element.get(name, "")) == sum(int(suite.get(name, "")) for suite in element)


def document(text: str) -> Element:
    root = fromstring(text.encode())
    assert root.tag == "testsuites"
    check(root)
    return root


def test_suites_and_cases(cli: Cli) -> None:
    Path("d").mkdir()
    Path("d/x-6.1.mrs").write_text(TWO)
    Path("y.mrs").write_text(PASSES)
    result = cli("--report", "junit", "d/x-6.1.mrs", "y.mrs")
    assert result.status == 1
    root = document(result.out)
    assert [suite.get("name") for suite in root] == ["d/x-6.1.mrs", "y.mrs"]
    cases = [(case.get("classname"), case.get("name")) for case in root[0]]
    assert cases == [
        ("d.x-6_1", "one <&> [relocate-v1]"), ("d.x-6_1", "one <&> [linux-6.18]"), ("d.x-6_1", "two [relocate-v1]"),
    ]  # fmt: skip
    (failure,) = root.iter("failure")
    assert failure.get("type") == "expect/vmas"
    assert failure.get("message") == "expect vmas 2: parent has 1 VMA(s), expected 2"
    assert (failure.text or "").startswith("d/x-6.1.mrs:7: expect vmas 2\n    parent has 1 VMA(s), expected 2\n")


def test_errors_and_skips(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(choice: object) -> None:
        raise Unsupported("no swap")

    monkeypatch.setattr(api, "backend", unable)
    Path("bad.mrs").write_text(BAD)
    root = document(cli("--report", "junit", "bad.mrs", "missing.mrs", "-c", PASSES).out)
    by_name = {suite.get("name"): suite[0][0] for suite in root}
    assert by_name["-c"].tag == "skipped"
    assert by_name["-c"].get("message") == "no swap"
    assert "bad.mrs:1:7: error:" in (by_name["bad.mrs"].text or "")
    assert by_name["missing.mrs"].get("message") == "No such file or directory"


def test_a_reader_of_others_reads_it_back(cli: Cli) -> None:
    Path("d").mkdir()
    Path("d/x.mrs").write_text(TWO)
    Path("bad.mrs").write_text(BAD)
    cli("-q", "--report", "junit:report.xml", "d/x.mrs", "bad.mrs")
    read = pytest.importorskip("junitparser", reason="junitparser is not installed").JUnitXml.fromfile("report.xml")
    assert (read.tests, read.failures, read.errors) == (4, 1, 1)
    found = [[(case.classname, case.name, [type(r).__name__ for r in case.result]) for case in suite] for suite in read]
    assert found == [
        [("d.x", "one <&> [relocate-v1]", []), ("d.x", "one <&> [linux-6.18]", []),
         ("d.x", "two [relocate-v1]", ["Failure"])],
        [("bad", "compile", ["Error"])],
    ]  # fmt: skip
    (failure,) = next(case.result for case in next(iter(read)) if case.result)
    assert failure.type == "expect/vmas"
    assert failure.text.startswith("d/x.mrs:7: expect vmas 2\n")


def test_who_expects_what_when_is_said(cli: Cli) -> None:
    Path("x.mrs").write_text("mmap A 1\nmaybe touch A\nfork\nexpect never A is anon\nchild: expect vmas 2\n")
    root = document(cli("-q", "--report", "junit", "x.mrs").out)
    message = next(root.iter("failure")).get("message") or ""
    assert message.startswith("expect never A is anon: ")


def test_titles_twice(cli: Cli) -> None:
    Path("x.mrs").write_text(f'scenario "s" {{ {PASSES} }}\n' * 2)
    root = document(cli("-q", "--report", "junit", "x.mrs").out)
    assert [case.get("name") for case in root[0]] == ["s [relocate-v1]", "s [relocate-v1] (2)"]


def test_characters_that_xml_cannot_hold() -> None:
    assert legal("a\x00\x1b\ud800\ufffe\tb\U0001f600") == "a\ufffd\ufffd\ufffd\ufffd\tb\U0001f600"


def test_a_file_name_that_xml_cannot_hold(cli: Cli) -> None:
    Path("a\x01b.mrs").write_text(PASSES)
    assert document(cli("--report", "junit", "a\x01b.mrs").out)[0].get("name") == "a\ufffdb.mrs"


def test_class_names() -> None:
    assert classname_of("/a/./b.c/x.y.mrs") == "a.b_c.x_y"
    assert classname_of("-c") == "-c"
