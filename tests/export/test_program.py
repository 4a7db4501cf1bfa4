"""Exported files: they compile without a warning, read like their scenarios, and are named as they should be."""

from __future__ import annotations

from pathlib import Path

from mremapdsl import export
from mremapdsl.export.runtime import pieces
from mremapdsl.live.kernel import ADVICE
from tests.export.conftest import Compile, exported, outcomes, run

EXAMPLES = Path(__file__).parents[2] / "examples"
WRITERS = Path(export.__file__).parent
PAGE_WORDS = (
    "anon",
    "zero",
    "ksm",
    "huge",
    "pmd",
    "swap",
    "migration",
    "guard",
    "none",
    "exclusive",
    "shared",
    "pinned",
)
NASTY = """
## A comment */ that "ends", and ??/ begins /* again\\
scenario "quotes \\" and # 100 % of ??= */" {
    mmap int 1; mmap EOF 2; mmap mmap 3; mmap value 1; mmap PAGE 1; mmap parent 1
    fork child; child: touch int 7
    expect child:int[0].value == 7; expect not count vmas != 6; touch EOF 3
    expect EOF[0].value >= 3; expect not mmap[0].value >= 0
    child: exit
}
scenario "quotes \\" and # 100 % of ??= */, again" { mmap A 1; fork errno; errno: touch A; expect vmas 1 }
"""


def test_every_name_and_title_can_stand_in_c(compiled: Compile, alone: str) -> None:
    program = compiled(exported(NASTY).text)
    out = run(program, 0)
    assert out.startswith("KTAP version 1\n1..2\n")
    assert list(outcomes(out).values()) == ["passed", "passed"]


def test_all_examples_compile(compiled: Compile) -> None:
    made = exported(*sorted(EXAMPLES.rglob("*.mrs")))
    compiled(made.text, "-fsyntax-only")
    assert made.tests > 300


def test_scenarios_of_the_series_compile(compiled: Compile) -> None:
    made = exported(*sorted((EXAMPLES / "review").rglob("*.mrs")), rules="relocate-v1")
    compiled(made.text, "-fsyntax-only")
    assert "MREMAP_RELOCATE_ANON" in made.text


def test_only_helpers_that_are_used(compiled: Compile) -> None:
    text = exported("mmap A 4; expect vmas 1").text
    assert "count_vmas" in text
    assert "ksm" not in text.replace("KSM and swap", "")
    assert "pagemap" not in text
    compiled(text, "-fsyntax-only")


def test_every_helper_is_used_by_something() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in WRITERS.glob("*.py"))
    asked = {f"is_{word}" for word in PAGE_WORDS} | {f"MADV_{advice}" for advice in ADVICE}
    for piece in pieces():
        elsewhere = any(piece.names & other.uses for other in pieces() if other != piece)
        assert piece.kind or elsewhere or piece.names & asked or any(name in written for name in piece.names), (
            piece.text
        )


def test_a_function_reads_like_its_scenario() -> None:
    text = exported(
        "mmap B 8; touch B; mmap A 8; mprotect A r fails EPERM; munmap A; expect merged left; expect unmapped A"
    ).text
    start = text.index('\tSTEP(1, "touch')
    assert text[start : text.index("}\n", start)] == (
        '\tSTEP(1, "touch B")\n'
        "\t\tOK(touch(B, 8 * PAGE, 1));\n"
        '\tSTEP(1, "mmap A 8")\n'
        "\t\tOK(mmap(A, 8 * PAGE, RW, ANON, -1, 0));\n"
        '\tSTEP(1, "mprotect A r fails EPERM")\n'
        "\t\tFAILS(EPERM, mprotect(A, 8 * PAGE, PROT_READ));\n"
        '\tSTEP(1, "munmap A")\n'
        "\t\tOK(munmap(A, 8 * PAGE));\n"
        '\tSTEP(1, "expect merged left")\n'
        "\t\texpect(0 /* no call before it could merge */);\n"
        '\tSTEP(1, "expect unmapped A")\n'
        "\t\texpect(is_unmapped(A, 8 * PAGE));\n"
    )


def test_the_harness(compiled: Compile, alone: str, tmp_path: Path) -> None:
    here = tmp_path / "mm"
    here.mkdir()
    (tmp_path / "kselftest_harness.h").write_bytes((Path(__file__).parent / "kselftest_harness.h").read_bytes())
    text = 'scenario "one" { mmap A 2; expect vmas 1 }\nscenario "two" { mmap A 2; expect vmas 2 }\n'
    text += 'scenario "three" { mmap A 2; migrate A begin }'
    made = exported(text, harness=True).text
    program = compiled(made, "-I", str(here))
    assert {line for line in run(program, 0).splitlines() if "scenarios" in line and line[0] in "014"} == {
        "0 scenarios_text.one", "1 scenarios_text.two", "4 scenarios_text.three",
    }  # fmt: skip
