"""No input whatsoever makes the compiler raise, and what it reports is always well formed.

``MREMAPDSL_FUZZ_SECONDS=600 pytest tests/lang/test_fuzz.py`` runs it longer.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mremapdsl.lang import CODES, Compiled, compile_text, keywords, render
from tests.lang.conftest import VOCABULARY
from tests.lang.test_diagnostics import cases

SECONDS = float(os.environ.get("MREMAPDSL_FUZZ_SECONDS", "1.5"))
VALID = """\
## What it is about.

rules relocate-v1 with pinned=abort
let n = 4
## A scenario.
scenario "first \\"one\\"" on linux-6.18, relocate-v1 with failure=undo, pinned=move {
  mmap A n * 4 rw shared noreserve file F + 2; mmap B 64K after A + 1   # why
  touch A[2..5] 7; read @16+5 fails SEGV
  fork; fork helper; child: madvise B MADV_GUARD_INSTALL
  helper { munmap A[3]; mprotect B none; exit }
  for i in 0..n {
    mremap A[i] to B + i size 2 MREMAP_MAYMOVE FIXED RELOCATE_ANON fails EFAULT
    expect A[i].index == i + (B.page - 2) * 3
  }
  mremap A C RELOCATE; mremap A before C - 2; set thp madvise; set mthp 64K never; set swap on; set max_map_count 100
  maybe touch A; choose { touch A } or { child: read A }
  any order { touch A[0]; child { read A[1] } }
  mremap A B RELOCATE during relocation { child: touch A }; expect sometimes relocated
  ksm scan; ksm merge off; pin A; migrate A begin; migrate A end; show
}
scenario "second"
{
  mmap A 2M
  expect merged; expect not merged left on linux-6.18, series
  expect merged A A; expect vma A; expect vmas 1; expect unmapped @16+5
  expect layout before A - 2 "AA..bb"; expect fallback because fork-child; expect violation rmap-complete
  expect A.anon_vma.root != none; expect A[0] is exclusive; expect rmap A[0] == A[0], A[1]; expect count vmas >= 1
}
"""
WORDS = [word for found in keywords().values() for word in found]
NAMES = ["A", "B", "n", "i", "child", "parent", "linux-6.18", "series", "fork-child", '"t"', '"AA.b"']
NUMBERS = ["0", "1", "3", "16", "64K", "1T", "99999999999999999999", "0x", "16k"]
SIGNS = [*"{}{}[]()@+-*/%.,:=<;", "..", "==", "!=", "\n", "\n", "# c\n", "## d\n", "\t", "\r\n"]
STRANGE = ['"', "\\", "é", "“", "\0", "\x1b", "\ufeff", "\u202e", "\ud800"]
STARTS = ["for i in 0..3 {", 'scenario "s" {', "mmap A 16\n", "touch A\n", "expect "]
PIECES = [*WORDS, *WORDS, *NAMES, *NUMBERS, *SIGNS, *SIGNS, *STRANGE, *STARTS]
TEXTS = [VALID, *(case for _, case in cases())]


def check(text: str | bytes) -> Compiled:
    """Compile a text, render what was found, and look at it."""
    started = time.monotonic()
    compiled = compile_text(text, "fuzz.mrs", VOCABULARY)
    assert time.monotonic() - started < 20
    lines = (text if isinstance(text, str) else text.decode("utf-8", "replace")).removeprefix("\ufeff").split("\n")
    places = []
    for item in compiled.diagnostics:
        shown = render(item, lines[item.line - 1].rstrip("\r"), color=True)
        assert shown.count("\n") >= 3
        shown.encode()
        assert item.severity == CODES[item.code].severity
        assert item.message
        assert item.remedy
        assert 1 <= item.column <= len(lines[item.line - 1]) + 1
        places.append((item.line, item.column))
    assert places[:-1] == sorted(places[:-1])
    assert len(compiled.diagnostics) <= 101
    failed = any(item.severity == "error" for item in compiled.diagnostics)
    assert (compiled.program is None) == failed
    return compiled


def mutated(random: random.Random) -> str:
    """A text with a few pieces deleted, doubled, swapped, inserted, or cut off."""
    text = random.choice(TEXTS)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        start = random.randrange(len(text) + 1)
        end = min(len(text), start + random.choice((0, 1, 1, 2, 5, 20, 200)))
        match random.randrange(6):
            case 0:
                text = text[:start] + text[end:]
            case 1:
                text = text[:end] + text[start:end] * random.choice((1, 2, 30)) + text[end:]
            case 2:
                text = text[:start] + random.choice(PIECES) + text[end:]
            case 3:
                text = text[:start] + f" {random.choice(PIECES)} " + text[start:]
            case 4:
                other = random.choice(TEXTS)
                cut = random.randrange(len(other) + 1)
                text = text[:start] + other[cut : cut + 200] + text[end:]
            case _:
                text = text[start:] if random.random() < 0.1 else text[:start] if random.random() < 0.1 else text
    return text


def soup(random: random.Random) -> str:
    """Words of the language in any order."""
    return random.choice((" ", "", " ")).join(random.choices(PIECES, k=random.choice((3, 10, 50, 300))))


def noise(random: random.Random) -> bytes:
    """Bytes that are hardly text."""
    text = bytearray(random.choice(TEXTS).encode("utf-8", "replace"))
    for _ in range(random.choice((1, 3, 30))):
        text[random.randrange(len(text)) : random.randrange(len(text))] = random.randbytes(random.choice((0, 1, 3)))
    return bytes(text) if random.random() < 0.9 else bytes(text).decode("latin-1").encode("utf-16")


MAKERS: tuple[Callable[[random.Random], str | bytes], ...] = (mutated, mutated, mutated, soup, noise)


def seeds() -> Iterator[int]:
    """Seeds for as long as there is time: always the same first ones."""
    end = time.monotonic() + SECONDS
    seed = 0
    while time.monotonic() < end:
        yield seed
        seed += 1


def test_no_input_makes_it_raise() -> None:
    for seed in seeds():
        source = random.Random(seed)
        text = source.choice(MAKERS)(source)
        try:
            check(text)
        except BaseException as error:
            raise AssertionError(f"seed {seed}: {text!r}") from error


def test_one_faulty_line_is_reported_once() -> None:
    """One line of garbage more gives errors on that line alone: nothing cascades."""
    lines = VALID.split("\n")
    inside = [number for number, line in enumerate(lines) if line.startswith("  ")]
    for number in inside:
        for garbage in (
            "  frobnicate 3 4",
            "  mmap",
            "  ) (",
            "  expect A ==",
            "  touch @",
            '  layout "',
            "  mremap A [[ B",
        ):
            text = "\n".join([*lines[:number], garbage, *lines[number:]])
            errors = [item for item in check(text).diagnostics if item.severity == "error"]
            assert {item.line for item in errors} == {number + 1}, (text, errors)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text() | st.binary() | st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_hypothesis_finds_no_input_either(text: str | bytes) -> None:
    check(text)


REPEATED = [*'{}([@;+x0"\\#\n\r\t\0é', "a:", "a{", "not ", "## x\n", "##", "+1", "A[", "after ", "fork;", "mmap A 16;"]
REPEATED += ['scenario "a" {', "for i in 0..2 {", "expect A.page +", "rules a with b=c,", "let a = a;"]


@pytest.mark.parametrize("piece", REPEATED)
def test_long_repetitions(piece: str) -> None:
    check(piece * 3_000)
    check("expect A.page == " + piece * 3_000)
    check("mmap A 16 " + piece * 3_000 + "}")
