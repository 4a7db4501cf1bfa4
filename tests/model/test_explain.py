"""Why memory stays apart, in words: each condition with both values and the step that set them."""

from __future__ import annotations

import pytest

from mremapdsl import api
from mremapdsl.backend import Note


def notes(text: str, rules: str = "linux-6.18") -> tuple[Note, ...]:
    """What the last call of a scenario noted."""
    [record] = api.run(text, rules)
    verdict = record.steps[-1].verdict
    assert verdict is not None
    return verdict.notes


def said(text: str, reason: str, rules: str = "linux-6.18") -> str:
    [sentence] = [note.sentence for note in notes(text, rules) if note.reason == reason]
    return sentence


def test_anon_vmas_and_page_offsets_with_the_steps_that_set_them() -> None:
    sentence = said("mmap A 4 at @0\ntouch A\nmmap B 4 at @20\ntouch B\nmremap B after A", "anon-vmas-differ")
    assert sentence == (
        "[4,8) and [0,4) on its left stay apart: both are faulted, with different anon_vmas: "
        "av2 (line 4 `touch B`) here, av1 (line 2 `touch A`) there; the page offsets do not continue: "
        "20 here (line 3 `mmap B 4 at @20`), 4 would continue the neighbour (line 1 `mmap A 4 at @0`) "
        "(flags, file would fit)"
    )  # fmt: skip


def test_flags_by_name_with_the_step_that_set_them_last() -> None:
    sentence = said("mmap A 4 at @0\nmadvise A DONTFORK\nmmap B 4 r at @4", "flags-differ")
    assert "VM_WRITE, VM_ACCOUNT, VM_DONTCOPY only there (line 2 `madvise A DONTFORK`)" in sentence
    sentence = said("mmap A 4 r at @0\nmmap C 4 rx at @4", "flags-differ")
    assert "VM_EXEC only here (line 2 `mmap C 4 rx at @4`)" in sentence


def test_files_by_name() -> None:
    sentence = said("mmap A 4 r file a at @0\nmmap B 4 r file b at @40\nmremap B after A", "files-differ")
    assert "b (line 2 `mmap B 4 r file b at @40`) here, a (line 1 `mmap A 4 r file a at @0`) there" in sentence


def test_the_number_of_links_of_a_fork_child() -> None:
    text = "mmap A 4 at @0\ntouch A\nfork\nchild: mmap B 4 at @4"
    assert "none here, av2, 2 links (line 3 `fork`) there" in said(text, "neighbour-is-fork-child")


def test_a_moved_offset_names_the_step_that_first_gave_it() -> None:
    text = "mmap A 4 at @0\ntouch A\nmremap A to @40\nmmap B 4 at @44"
    sentence = said(text, "pgoffs-do-not-continue")
    assert "44 here (line 4 `mmap B 4 at @44`), 4 would continue the neighbour (line 1 `mmap A 4 at @0`)" in sentence
    text = "mmap A 4 at @0\nmremap A to @40\ntouch A\nmremap A to @60\nmmap B 4 at @64"
    text = text.replace("touch A", "touch @40+4").replace("mremap A to @60", "mremap @40+4 to @60")
    assert "44 would continue the neighbour (line 2 `mremap A to @40`)" in said(text, "pgoffs-do-not-continue")


def test_a_moved_file_mapping_keeps_its_offset_and_the_step_that_gave_it() -> None:
    sentence = said("mmap A 4 r file F at @0\nmmap B 4 r file F at @40\nmremap B after A", "pgoffs-do-not-continue")
    assert "0 here (line 2 `mmap B 4 r file F at @40`), 4 would continue" in sentence


def test_the_anonymous_page_offset_of_a_file_mapping() -> None:
    text = "mmap A 4 file f at @0\nmmap B 4 file f + 4 at @20\ntouch B\nmremap B after A"
    sentence = said(text, "anon-pgoffs-do-not-continue", "linux-7.3")
    assert "the anonymous page offsets do not continue: 20 here, 4" in sentence
    assert "joined-left" in {note.reason for note in notes(text)}


def test_a_merge_says_what_fits() -> None:
    sentence = said("mmap A 4 at @0\nmmap C 4 at @8\nmmap B 4 at @4", "joined-right")
    assert sentence == "[4,8) and [8,12) on its right are joined: flags, file, anon_vma and page offset fit"


def test_two_neighbours_that_cannot_both_be_joined() -> None:
    text = "mmap A 4 at @0\ntouch A\nmmap C 4 at @8\ntouch C\nmmap B 4 at @4"
    sentence = said(text, "neighbours-differ")
    assert sentence.endswith("whose anon_vma is not the right one's (flags, file, anon_vma, page offset would fit)")


def test_a_lonely_range_notes_nothing() -> None:
    assert notes("mmap A 4") == ()


ON_THE_WAY = {
    "mmap A 4 at @0\ntouch A": "VMA [0,4) gets a new anon_vma av1",
    "mmap A 4 at @0\ntouch A\nmmap B 4 rwx at @4\ntouch B": "VMA [4,8) takes av1 from the VMA at 0",
    "mmap A 4 at @0\nmmap B 4 rwx at @4\ntouch B\nmprotect B rw": "the surviving VMA [0,4) was unfaulted and gets av1",
    "mmap A 4 at @0\ntouch A\nfork\ntouch A": "pages 0 to 3 are copied: shared",
    "mmap A 4 at @0\ntouch A\nfork\nexit child\ntouch A": "pages 0 to 3 are kept: nothing else has it mapped any more",
    "mmap A 4 at @0\ntouch A\nfork": "VMA [0,4) gets av2 below av1",
    "mmap A 8 at @0\nmremap A to @40 size 2": "6 pages are charged though the memory shrank, and never given back",
}


@pytest.mark.parametrize("text", ON_THE_WAY)
def test_what_happened_on_the_way(text: str) -> None:
    found = [note.sentence for note in notes(text)]
    assert ON_THE_WAY[text] in found


OBSTACLE = "mmap A 4M at @0; touch A[507..512]; set thp always; touch A[512]"
"""Five small pages in front of a huge page."""
RELOCATIONS = {
    f"{OBSTACLE}; mremap A[507..513] B RELOCATE": [
        "pages 507 to 511 are rewritten: index and anon_vma are those of the new place",
        "5 folio(s) were rewritten when the walk came to page 512, where it stops",
        "undone: 5 folio(s) point to the source again, the new VMA is gone",
    ],
    # What both walks leave out is told once.
    f"{OBSTACLE}; pin A[509]; mremap A[507..513] B RELOCATE": [
        "pages 507 to 508 are rewritten: index and anon_vma are those of the new place",
        "the folio at 509 may be pinned and is left as it is",
        "pages 510 to 511 are rewritten: index and anon_vma are those of the new place",
        "4 folio(s) were rewritten when the walk came to page 512, where it stops",
        "undone: 4 folio(s) point to the source again, the new VMA is gone",
    ],
    "mmap A 6 at @0; touch A[0..2]; touch A[3..6]; pin A[4]; mremap A B RELOCATE; expect violation": [
        "pages 0 to 1 are rewritten: index and anon_vma are those of the new place",
        "page 3 is rewritten: index and anon_vma are those of the new place",
        "the folio at 4 may be pinned and is left as it is",
        "page 5 is rewritten: index and anon_vma are those of the new place",
    ],
    "set mthp 64K always; mmap A 36 at @16; touch A; mremap A[8..36] B RELOCATE": [
        "the order-4 folio at 24 is split",
        "pages 24 to 51 are rewritten: index and anon_vma are those of the new place",
    ],
    # Without its first page the folio is taken to begin one page later, but it does not reach beyond the range.
    "set mthp 64K always; mmap A 17 at @15; touch A; madvise A[0] PAGEOUT; madvise A[1] DONTNEED; mremap A B RELOCATE; "
    "expect violation": [
        "page 15 is swapped or under migration: the entries are left as they are",
        "pages 17 to 31 are rewritten: index and anon_vma are those of the new place",
    ],
}
"""A relocation step by step: what was rewritten, left out, split and put back, in this order."""


@pytest.mark.parametrize("text", RELOCATIONS)
def test_a_relocation_tells_its_steps(text: str) -> None:
    _, *told = notes(text, "relocate-v1")
    assert [note.sentence for note in told] == RELOCATIONS[text]
