"""A C file: what it tests and how to build it, the helpers that it uses, a function for each scenario."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mremapdsl.export.runtime import rendered, reserved, used
from mremapdsl.export.scenario import Writer, function, traits
from mremapdsl.export.select import KERNEL, Case, LeftOut, Target, cases
from mremapdsl.export.text import call, comment, function_name, string, title, unique
from mremapdsl.program import Program, Scenario

INCLUDES = (
    "dirent.h", "errno.h", "fcntl.h", "limits.h", "linux/futex.h", "poll.h", "sched.h", "setjmp.h", "signal.h",
    "stdarg.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "sys/ioctl.h", "sys/mman.h", "sys/prctl.h",
    "sys/resource.h", "sys/swap.h", "sys/syscall.h", "sys/uio.h", "sys/utsname.h", "sys/wait.h", "unistd.h",
)  # fmt: skip
HARNESS_HEADER = "../kselftest_harness.h"
ABOUT = """\
Scenarios of anonymous memory as a kernel selftest{kernel}, written by `mremapdsl export`.

{build}
Root sees page frames, and may use KSM and swap. What is changed in /sys is put back when
the tests end, however they end. What cannot be checked is printed as "# not checked".
"""
STANDALONE = "Build with  gcc -Wall -Wextra -std=gnu11 -static"
HARNESS = "For tools/testing/selftests/mm: add its name to TEST_GEN_FILES in the Makefile there."


class Test(NamedTuple):
    """A test of the file."""

    name: str
    """Of its function."""
    title: str
    """Unique in the file."""
    case: Case
    lines: list[str]
    processes: int


class Left(NamedTuple):
    """A scenario that is not in the file, and why."""

    program: Program
    line: int
    title: str
    why: str


class Exported(NamedTuple):
    """What came of an export."""

    text: str
    """Empty if none of the scenarios can be exported."""
    tests: int
    left: list[Left]


def export(
    chosen: Iterable[tuple[Program, Scenario]], target: Target, known_rules: Iterable[str], *, harness: bool = False
) -> Exported:
    """Scenarios as one C file.

    ``known_rules`` are all rule sets by name: the file takes the running kernel for one of them.
    """
    tests: list[Test] = []
    left: list[Left] = []
    for program, scenario in chosen:
        try:
            tests += [_test(case, target, tests) for case in cases(program, scenario, target)]
        except LeftOut as out:
            left.append(Left(program, out.line, scenario.title, str(out)))
    kernels = list(filter(KERNEL.fullmatch, known_rules))
    return Exported(_text(tests, target, kernels, harness=harness) if tests else "", len(tests), left)


def _test(case: Case, target: Target, before: Sequence[Test]) -> Test:
    name = function_name(case.title, reserved().union(test.name for test in before))
    stem = case.program.file.rpartition("/")[2].removesuffix(".mrs")
    shown = title(case.title if case.title == stem else f"{stem}: {case.title}")
    writer = Writer(case, target, reserved() | {name})
    lines = function(writer, name)
    return Test(name, unique(shown, {test.title for test in before}), case, lines, len(writer.processes))


def _text(tests: Sequence[Test], target: Target, kernels: Sequence[str], *, harness: bool) -> str:
    """The whole file."""
    body = "\n".join(_functions(tests, harness=harness))
    body += "" if harness else "\n".join(["", *_table(tests), ""])
    pieces = used(body, {"always", "harness" if harness else "standalone", "" if harness else "main"})
    main = [piece for piece in pieces if piece.kind == "main"]
    helpers = rendered([piece for piece in pieces if piece.kind != "main"])
    about = ABOUT.format(
        kernel=f" for {', '.join(map(str, target.own))}" if target.own else "", build=HARNESS if harness else STANDALONE
    )
    includes = [f"#include <{name}>" for name in INCLUDES] + ([f'#include "{HARNESS_HEADER}"'] if harness else [])
    constants = [f"#define MOST_PROCESSES {max(test.processes for test in tests)} /* of a scenario */"]
    if re.search(r"\bKERNELS\b", helpers):
        constants.append(f"#define KERNELS {', '.join(map(string, kernels))}")
    head = ["// SPDX-License-Identifier: GPL-2.0 OR MIT", *comment(about), "#define _GNU_SOURCE", *includes, ""]
    heading = "/* ---- scenarios ---- */\n"
    text = "\n".join([*head, *constants, helpers, heading, body])
    return text + ("\n" + rendered(main) if main else "")


def _functions(tests: Sequence[Test], *, harness: bool) -> Iterator[str]:
    """The functions, the documentation of a file before its first."""
    fixture = _fixture_name(tests)
    if harness:
        yield from _fixture(fixture)
    program: Program | None = None
    for test in tests:
        if test.case.program is not program:
            program = test.case.program
            if program.doc:
                yield from [*comment(f"{program.file}\n\n{program.doc}"), ""]
        yield from test.lines
        yield ""
        if harness:
            arguments = ", ".join([test.name, *_members(test)])
            yield from [f"TEST_F({fixture}, {test.name.removeprefix('test_')})", "{"]
            yield from [*call("\t", f"RUN({arguments})"), "}", ""]
    if harness:
        yield "TEST_HARNESS_MAIN"


def _members(test: Test) -> list[str]:
    """What the runtime must know of a scenario beforehand."""
    return [f".file = {string(test.case.program.file)}", *(f".{trait} = 1" for trait in traits(test.case))]


def _table(tests: Sequence[Test]) -> Iterator[str]:
    yield "static const struct scenario scenarios[] = {"
    for test in tests:
        members = [f".title = {string(test.title)}", f".function = {test.name}", *_members(test)]
        yield from call("\t", f"{{ {', '.join(members)} }}", ",")
    yield "};"


def _fixture_name(tests: Sequence[Test]) -> str:
    """``copy_on_write`` for tests of one file, ``scenarios`` for those of several."""
    files = {test.case.program.file for test in tests}
    stem = files.pop().rpartition("/")[2].removesuffix(".mrs") if len(files) == 1 else ""
    word = re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_")
    return f"scenarios_{word}" if word else "scenarios"


def _fixture(name: str) -> Iterator[str]:
    yield from [f"FIXTURE({name}) {{", "};", ""]
    yield from [f"FIXTURE_SETUP({name})", "{", "\tstart();", "}", ""]
    yield from [f"FIXTURE_TEARDOWN({name})", "{", "\tend_keeper();", "}", ""]
