"""A fuzzer of the whole program: whatever it is given, it ends in an orderly way.

``python -m tests.cli.fuzz --seconds 600`` looks for texts and command lines that end otherwise: with a traceback, an
"internal error", an exit status that is none, or not within SLOW seconds.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, NamedTuple

from mremapdsl import api
from mremapdsl.cli import main
from mremapdsl.lang import keywords
from mremapdsl.ops import TASK_PAGES

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = sorted(ROOT.glob("examples/**/*.mrs"))
SLOW = 20
"""Seconds after which a run counts as stuck."""
MEMORY = 3 << 30
TOKEN = re.compile(r"[A-Za-z_]\w*(?:[.-]\w+)*|\d\w*|\s+|[^\w\s]")
WORDS = keywords()
SIZES = ("0", "1", "2", "3", "4", "16", "17", "511", "512", "513", "2M", "1G", "1T", "4K", "16T", str(TASK_PAGES),
         str(TASK_PAGES - 1), str((1 << 52) - 1))  # fmt: skip
SMALL = ("1", "2", "3", "4", "8", "16")
PAGES = ("0", "1", "16", "20", "511", "512", "1000", "2000", str(TASK_PAGES - 1), str(TASK_PAGES))
PLACES = ("A", "B", "C", "D")
STRANGE = (
    "\0",
    "\x1b[31m",
    "\ufeff",
    "\u202e",
    "é",
    "٣",
    "Ａ",
    "½",
    "\ud800",
    "\\",
    '"',
    "“",
    "\r",
    "\x85",
    "\u2028",
    "\t",
)


class Ran(NamedTuple):
    """How a run of the program ended."""

    status: int
    wrong: str
    """What is not as it should be; empty if all is."""


# --- scenarios that compile, mostly ----------------------------------------------------------------------------------


class Writer:
    """Odd scenarios of statements that make sense one by one."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.processes = ["parent"]
        self.huge = dice.random() < 0.2
        self.rules = list(api.rule_sets())
        self.reasons = sorted(api.vocabulary().reasons)
        self.invariants = sorted(api.vocabulary().invariants)

    def pick(self, *choices: Any) -> Any:
        return self.dice.choice(choices)

    def word(self, kind: str) -> str:
        return self.dice.choice(WORDS[kind])

    def size(self) -> str:
        return self.dice.choice(SIZES if self.huge or self.dice.random() < 0.1 else SMALL)

    def range(self) -> str:
        name = self.pick(*PLACES)
        return str(self.pick(name, name, f"{name}[0]", f"{name}[1..2]", f"{name}[0..{self.pick(1, 2, 3)}]",
                             f"@{self.pick(*PAGES)}+{self.pick(*SMALL)}", f"{name}[1..1]"))  # fmt: skip

    def point(self) -> str:
        name = self.pick(*PLACES)
        return str(self.pick(f"@{self.pick(*PAGES)}", f"{name} + 1", f"after {name}", f"before {name}",
                             f"after {name} - 1", f"before {name} + {self.size()}"))  # fmt: skip

    def operation(self) -> str:
        made = self.pick(
            self.mmap, self.mmap, self.mremap, self.mremap, self.mremap, self.simple, self.simple, self.simple,
            self.simple, self.fork, self.knob, self.madvise, self.madvise,
        )()  # fmt: skip
        return made + (f" fails {self.word('errno')}" if self.dice.random() < 0.05 else "")

    def mmap(self) -> str:
        options = [self.word("prot"), self.word("mapping"), f"file {self.pick('F', 'G')} + {self.pick(*SMALL)}"]
        options.append(f"at {self.point()}")
        chosen = [option for option in options if self.dice.random() < 0.25]
        return f"mmap {self.pick(*PLACES)} {self.size()} {' '.join(chosen)}"

    def mremap(self) -> str:
        to = self.pick("", self.pick(*PLACES), f"to {self.point()}", f"after {self.pick(*PLACES)}")
        size = f"size {self.size()}" if self.dice.random() < 0.2 else ""
        flags = " ".join(self.dice.sample(("MAYMOVE", "FIXED", "DONTUNMAP", "RELOCATE", "MUST_RELOCATE"),
                                          self.pick(0, 0, 1, 1, 2)))  # fmt: skip
        return f"mremap {self.range()} {to} {size} {flags}"

    def simple(self) -> str:
        return str(self.pick(
            f"touch {self.range()} {self.pick('', 1, 255)}", f"touch {self.range()}", f"{self.word('range_call')} "
            f"{self.range()}", f"mprotect {self.range()} {self.word('prot')}", f"swapout {self.range()} cached",
            f"swapout {self.range()}", f"migrate {self.range()} {self.word('phase')}", "ksm scan", "ksm merge on",
        ))  # fmt: skip

    def fork(self) -> str:
        if len(self.processes) > 4 or self.dice.random() < 0.3:
            return f"exit {self.pick(*self.processes)}"
        self.processes.append(f"p{len(self.processes)}")
        return f"fork {self.processes[-1]}"

    def knob(self) -> str:
        return str(self.pick(
            f"set thp {self.word('thp_mode')}", f"set mthp {self.pick('16K', '64K', '2M', '8K', '0', '1T')} always",
            f"set swap {self.word('switch')}", f"set max_map_count {self.pick(0, 1, 3, 65530)}",
            "set ksm_zero_pages on",
        ))  # fmt: skip

    def madvise(self) -> str:
        return f"madvise {self.range()} {self.word('advice')}"

    def value(self) -> str:
        page = f"{self.process()}{self.pick(*PLACES)}[0]"
        return str(self.pick(
            f"{page}.{self.word('page_attribute')}", f"{self.pick(*PLACES)}.{self.word('vma_attribute')}",
            f"{page}.anon_vma", f"{self.pick(*PLACES)}.anon_vma.{self.word('anon_vma_attribute')}", "none",
            self.size(),
            f"count {self.pick(*api.COUNTS)}", f"{page}.index / ({page}.frame - {page}.frame)",
            f"{page}.value * 3 % 2",
        ))  # fmt: skip

    def process(self) -> str:
        return f"{self.pick(*self.processes)}:" if self.dice.random() < 0.3 else ""

    def predicate(self) -> str:
        subject = f"{self.process()}{self.range()}"
        found = self.pick(
            f"merged {self.pick('', 'left', 'both')}", f"merged {subject} {self.pick(*PLACES)}", f"vma {subject}",
            f"vmas {self.pick(*SMALL)}", f"unmapped {subject}", f'layout {self.pick(*PLACES)} "AAa.b"', "moved",
            "relocated", f"fallback because {self.pick(*self.reasons)}", f"violation {self.pick(*self.invariants)}",
            f"{self.value()} {self.pick('==', '!=', '<', '>=')} {self.value()}",
            f"{subject} is {self.word('page_state')}",
            f"{subject} is {self.word('page_state')}", f"rmap A[0] == {self.process()}A[0], B[0]",
        )  # fmt: skip
        return f"expect {self.pick('', '', 'not ')}{found}"

    def statement(self, depth: int = 0) -> str:
        chance = self.dice.random()
        if chance < 0.08 and depth < 2:
            return self.compound(depth)
        if chance < 0.3:
            return self.process().replace(":", ": ") + self.predicate()
        return self.process().replace(":", ": ") + self.operation()

    def compound(self, depth: int) -> str:
        inside = "; ".join(self.statement(depth + 1) for _ in range(self.pick(1, 2, 3)))
        other = self.statement(depth + 1)
        return str(self.pick(
            f"for i in 0..{self.pick(0, 1, 3, 20)} {{ {inside}; touch A[i % 2] }}",
            f"{self.process()[:-1] or 'parent'} "
            f"{{ {inside} }}", f"if {self.size()} == {self.size()} {{ {inside} }} else {{ {other} }}",
            f"choose {{ {inside} }} or {{ {other} }}", f"maybe {self.operation()}",
            f"any order {{ {inside}; {other} }}",
            f"{self.mremap()} RELOCATE during relocation {{ {other} }}",
        ))  # fmt: skip

    def text(self) -> str:
        rules = self.pick("", *(f"rules {name}\n" for name in self.rules))
        start = [f"mmap {name} {self.size()}" for name in PLACES] + ["fork p1"]
        self.processes.append("p1")
        body = [self.statement() for _ in range(self.pick(3, 10, 30))]
        if self.huge:
            start.insert(0, "set thp always")
        return rules + "\n".join([*start, *body, "expect vmas 1"]) + "\n"


def mended(text: str) -> str:
    """The text without the lines that do not compile."""
    for _ in range(6):
        wrong = {found.line for found in api.compile_text(text, "").diagnostics if found.severity == "error"}
        if not wrong:
            break
        text = "\n".join(line for number, line in enumerate(text.split("\n"), 1) if number not in wrong)
    return text


def going_on(text: str) -> str:
    """The text with calls that fail expected to, so that what comes behind them runs as well."""
    lines = text.split("\n")
    for _ in range(20):
        steps = api.run("\n".join(lines), states=False)[0].steps
        last = steps[-1] if steps else None
        if last is None or last.result == (last.step.fails or "ok"):
            break
        line = last.step.line - 1
        plain = not re.search(r"[{;]|fails", lines[line]) and last.result != "ok"
        lines[line] = f"{lines[line]} fails {last.result}" if plain else ""
    return "\n".join(lines)


def odd(dice: random.Random) -> str:
    text = mended(Writer(dice).text())
    with suppress(api.CompileError):
        return going_on(text)
    return text


def kind_of(word: str) -> list[str]:
    """The words that can stand where this one does."""
    return next(([*found] for kind, found in WORDS.items() if word in found and kind != "other"), [])


def exchanged(dice: random.Random) -> str:
    """An example with some words and numbers put in the place of others of their kind, and lines left out."""
    text = dice.choice(EXAMPLES).read_text(encoding="utf-8")
    tokens = TOKEN.findall("\n".join(line for line in text.split("\n") if "#" not in line and dice.random() < 0.97))
    names = [token for token in tokens if token.isidentifier() and not kind_of(token)] or ["A"]
    for _ in range(dice.choice((1, 2, 4, 8))):
        at = dice.randrange(len(tokens)) if tokens else 0
        if not tokens or tokens[at].isspace():
            continue
        if tokens[at][0].isdigit():
            tokens[at] = dice.choice((*SMALL, *SMALL, *SIZES))
        elif kind := kind_of(tokens[at]):
            tokens[at] = dice.choice(kind)
        elif tokens[at].isidentifier():
            tokens[at] = dice.choice(names)
    made = "".join(tokens)
    return mended(made) if dice.random() < 0.8 else made


# --- texts that hardly compile ---------------------------------------------------------------------------------------


def damaged(dice: random.Random) -> bytes:
    """An example, or an odd scenario, with bytes changed."""
    text = bytearray((exchanged(dice) if dice.random() < 0.5 else odd(dice)).encode("utf-8", "surrogatepass"))
    for _ in range(dice.choice((1, 1, 3, 30))):
        at = dice.randrange(len(text) + 1)
        piece = dice.choice(
            (dice.choice(STRANGE).encode("utf-8", "surrogatepass"), dice.randbytes(2), b"{", b"}", b"(")
        )
        text[at : at + dice.choice((0, 0, 1, 5))] = piece
    made = bytes(text)
    if dice.random() < 0.1:
        return dice.choice((made.decode("latin-1").encode("utf-16"), b"\xef\xbb\xbf" + made))
    return dice.choice((made, made.replace(b"\n", b"\r\n")))


def extreme(dice: random.Random) -> bytes:
    """Very long, very deep, or very many."""
    n = dice.choice((99, 101, 5000))
    return dice.choice((
        "mmap A " + "9" * dice.choice((20, 5000, 100000)), "mmap A 16 " + "# " * 500_000, "x" * (1 << 20),
        "mmap A 16\n" + "parent {" * n + "touch A" + "}" * n, "mmap A " + "(" * n + "1" + ")" * n, "{" * 10_000,
        "for i in 0..1000000 { fork }", "for i in 0..1000 { for j in 0..1001 { touch A } }", "mmap A 1; " * 20_000,
        "for i in 0..0xfffffffffffff { }", "for i in 0..1000001 { if i == 0 { show } }", "expect " + "not " * 5000,
        "if 1 == 1 { } else " * 5000 + "{ }", "mmap A 1; expect A.page == " + "A.page + " * 5000 + "1",
        "\n" * 1_000_000,
        "## x\n" * 20_000 + "mmap A 1",
        'scenario "a" { mmap A 1 }\n' * 1500, '"' * 100_000, "choose { } or { } " * 3000,
        "mmap A 16; maybe fork; " * 5, "mmap A 16; " + "fork; " * 300, "\ud800" * 1000, "mmap " + "A" * 500_000 + " 1",
        "any order { " + "touch A; " * 2000 + "}", f"rules {'a-' * 50_000}b", f"rules x with {'a=b,' * 20_000}c=d",
        "mmap A 16; madvise A " + "X" * 200_000, "let a = " + "-".join(["1"] * 20_000),
        "mmap A 16; expect A is " * 3000,
        "mmap A 1T; touch A; fork; child: touch A; mremap A after A RELOCATE; expect A is pinned; ksm scan",
        "mmap A 1T shared; touch A; fork; swapout A; swapin A; pin A; expect A is pinned; expect A is exclusive",
        "set thp always; mmap A 16G; touch A; expect A is pmd; expect A is exclusive; split A; expect A is huge",
        f"mmap A {TASK_PAGES} at @0; touch A; mremap A[0] to @{TASK_PAGES - 1}; munmap A; expect vmas 0",
        f"mmap A 1 at @{TASK_PAGES - 1}; touch A; mremap A size 2; mremap A size 2 MAYMOVE; expect vmas 1",
        "mmap A 1T file F; touch A; fork; read A; mmap B 1T file F + 1 shared; touch B; munmap A; expect B is anon",
        "mmap A 1G; for i in 0..1000 { munmap A[2*i] }; touch A fails SEGV; fork; expect vmas 1",
    )).encode("utf-8", "surrogatepass")  # fmt: skip


# --- command lines ---------------------------------------------------------------------------------------------------

FLAGS = ("--rules", "--trace", "--color", "-c", "-q", "-v", "-vq", "--list-rules", "--list-reasons", "--version",
"--help",
         "--", "-", "--bogus", "-x", "--rul", "--trace=json", "--rules=", "--rules=linux-6.19", "-j",
         "--fail-fast")  # fmt: skip
VALUES = ("relocate-v1", "linux-6.18", "linux-6.19", "with", "pinned=abort", "pinned=abort,", "=", ",", "x with",
"series,",
          "text", "json", "x", "", " ", "\n", "{", '"', "é", "mmap A 16", "expect vmas 0", "mmap A 1; expect vmas 1",
          "relocate-v1 with pinned=abort", "failure=undo, large_folio=fail", "\x1b", "\udcff", "a" * 5000, "0",
          "-1")  # fmt: skip


def files(folder: Path) -> list[str]:
    """Things that a command line can name, some of which cannot be read."""
    (folder / "good.mrs").write_text("mmap A 4\nexpect vmas 1\n")
    (folder / "bad.mrs").write_bytes(b"mmap \xff\n")
    (folder / "empty.mrs").write_text("")
    (folder / "dir.mrs").mkdir()
    (folder / "none").mkdir()
    (folder / "closed.mrs").write_text("show")
    (folder / "closed.mrs").chmod(0)
    (folder / "loop.mrs").symlink_to("loop.mrs")
    (folder / "dangling.mrs").symlink_to("nowhere")
    with suppress(OSError):
        (folder / "\udcff.mrs").write_text("mmap A 4\nexpect vmas 1\n")
    names = [str(path) for path in sorted(folder.iterdir())]
    return [*names, str(folder / "missing.mrs"), "/dev/null", "/proc/self/mem", "", "a\0b", "x" * 5000, "~"]


def command_line(dice: random.Random, names: Sequence[str]) -> list[str]:
    return [dice.choice(dice.choice((FLAGS, VALUES, names))) for _ in range(dice.choice((1, 2, 3, 6)))]


# --- running ---------------------------------------------------------------------------------------------------------


class Stuck(BaseException):
    """A run takes too long."""


def run(arguments: Sequence[str], stdin: bytes = b"") -> Ran:
    """Run the program within this process and look at how it ends."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(stdin), "utf-8", "surrogateescape")
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status = main(arguments)
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else -1
    except Stuck:
        return Ran(-1, "stuck")
    except Exception as error:
        return Ran(-1, f"{type(error).__name__}: {error}")
    finally:
        sys.stdin = before
    err.flush()
    said = err.buffer.getvalue().decode("utf-8", "replace")  # type: ignore[attr-defined]
    for sign in ("internal error", "Traceback"):
        if sign in said:
            return Ran(status, said[said.index(sign) :][:300])
    return Ran(status, "" if status in range(5) else f"status {status}")


MAKERS: tuple[Callable[[random.Random], str | bytes], ...] = (*[odd] * 4, *[exchanged] * 2, *[damaged] * 2)


def case(seed: int, names: Sequence[str]) -> tuple[list[str], bytes]:
    """The command line and the standard input of a seed."""
    dice = random.Random(seed)
    if seed % 12 == 11:
        return command_line(dice, names), b"mmap A 4; expect vmas 1"
    text = extreme(dice) if seed % 100 == 50 else dice.choice(MAKERS)(dice)
    made = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return ["-", *dice.choice(((), ("--trace", "text"), ("--trace", "json"), ("-v",)))], made


def failures(seeds: Iterator[int]) -> Iterator[tuple[int, Ran]]:
    """Run the cases of some seeds; those that end badly, and last of all how often each status came."""
    seen: Counter[int] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        names = files(Path(folder))
        for seed in seeds:
            try:
                ran = run(*case(seed, names))
            except (Exception, Stuck) as error:
                ran = Ran(-1, f"while the case is made: {type(error).__name__}: {error}")
            seen[ran.status] += 1
            if ran.wrong:
                yield seed, ran
    print(f"statuses: {dict(sorted(seen.items()))}", file=sys.stderr)


def timed(first: int, seconds: float) -> Iterator[int]:
    """Seeds for as long as there is time, each with an alarm."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        signal.alarm(SLOW)
        yield first
        signal.alarm(0)
        first += 1


def alarmed(_signal: int, _frame: object) -> None:
    raise Stuck


def fuzz() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0, help="the first")
    parser.add_argument("--show", action="store_true", help="print the case of the seed, and run nothing")
    args = parser.parse_args()
    if args.show:
        print(*case(args.seed, ["FILE"]), sep="\n")
        return 0
    signal.signal(signal.SIGALRM, alarmed)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    found = 0
    for seed, ran in failures(timed(args.seed, args.seconds)):
        found += 1
        print(f"seed {seed}: {ran.wrong}", flush=True)
    print(f"{found} found; {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB at most", file=sys.stderr)
    return bool(found)


if __name__ == "__main__":
    os.environ.pop("MREMAPDSL_DEBUG", None)
    sys.exit(fuzz())
