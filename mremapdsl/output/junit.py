"""JUnit XML as GitLab and Jenkins read it: a suite for each file, a test for each scenario and rule set.

GitLab shows ``classname`` as the suite, tells tests apart by ``classname`` and ``name``, and reads one failure of
each; Jenkins' xUnit schema (junit-10.xsd) allows the elements and attributes that are used here and no ``file`` of a
test, so that the place stands in the failure's text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from mremapdsl.output.results import FileResult, Result, RunResult, diagnosed, one_line

ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, however it is escaped."""


def lines(run: RunResult) -> Iterator[str]:
    """The document."""
    suites = [suite(file) for file in run.files]
    root = Element("testsuites", name="mremapdsl", time=seconds(run.seconds))
    root.extend(suites)
    for what in ("tests", "failures", "errors"):
        root.set(what, str(sum(int(found.get(what, "0")) for found in suites)))
    indent(root)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield from tostring(root, encoding="unicode").split("\n")


def suite(file: FileResult) -> Element:
    """A file."""
    found = Element("testsuite", name=legal(file.name))
    classname = legal(classname_of(file.name))
    taken: Counter[str] = Counter()
    for result in file.results:
        name = f"{result.title} [{result.rules}]" if result.rules else result.title
        taken[name] += 1
        if taken[name] > 1:
            name += f" ({taken[name]})"
        found.append(case(result, classname, legal(name)))
    if file.unreadable or not file.compiled:
        test = SubElement(found, "testcase", classname=classname, name="compile", time="0")
        text = "\n".join(diagnosed(d).text for d in file.diagnostics) or f"{file.name}: {file.unreadable}"
        told(test, "error", "unusable", file.unreadable or text.split("\n")[0], text)
    for attribute, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        found.set(attribute, str(len(found.findall(f"testcase/{element}"))))
    found.set("tests", str(len(found)))
    found.set("time", seconds(sum(result.seconds for result in file.results)))
    return found


def case(result: Result, classname: str, name: str) -> Element:
    """A scenario under one rule set."""
    test = Element("testcase", classname=classname, name=name, time=seconds(result.seconds))
    if result.outcome == "skipped":
        told(test, "skipped", "skipped", result.reason, "")
    elif result.outcome != "passed":
        first = result.findings[0]
        text = "\n\n".join(finding.text for finding in result.findings)
        told(test, "failure" if result.outcome == "failed" else "error", first.rule, first.message, text)
    return test


def told(test: Element, tag: str, kind: str, message: str, text: str) -> None:
    """What is said of a test that did not pass."""
    SubElement(test, tag, type=kind, message=legal(one_line(message))).text = legal(text) or None


def classname_of(name: str) -> str:
    """``examples/versions/before-6.16.mrs`` -> ``examples.versions.before-6_16``: dots are the levels of a tree."""
    parts = [part for part in name.removesuffix(".mrs").split("/") if part not in ("", ".", "..")]
    return ".".join(part.replace(".", "_") for part in parts) or name


def legal(text: str) -> str:
    """The text with a replacement character for each that XML cannot hold."""
    return ILLEGAL.sub("\ufffd", text)


def seconds(number: float) -> str:
    return f"{number:.3f}"
