"""MREMAP_RELOCATE_ANON: when a move rewrites page offsets and folios, and what it does about obstacles.

The June 2025 series is one choice of each; the others are designs that its review argued for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mremapdsl.model.decision import choice, constant, decision
from mremapdsl.model.records import AnonVma, Vma
from mremapdsl.ops import MUST_RELOCATE, RELOCATE

decision("relocate_flags", "mm/mremap.c:check_mremap_params", "Which relocation flags mremap knows.")
constant("relocate_flags", "unknown", 0, "None: they are EINVAL. No released kernel knows them.")
constant(
    "relocate_flags",
    "known",
    RELOCATE | MUST_RELOCATE,
    "MREMAP_RELOCATE_ANON (8) and MREMAP_MUST_RELOCATE_ANON (16), with MAYMOVE.",
)

decision("trigger", "mm/mremap.c:should_relocate_anon", "Which moves relocate.")


@choice("trigger", "flag")
def trigger_flag(flags: int) -> int:
    """Those that ask for it by RELOCATE or MUST_RELOCATE."""
    return flags & (RELOCATE | MUST_RELOCATE)


@choice("trigger", "auto")
def trigger_auto(flags: int) -> int:
    """Every move to another place, as if RELOCATE were given: with FIXED or DONTUNMAP, or growth that finds no room
    where it is; never a resize in place. A refusal falls back to a plain move, so that a flagless call fails as it
    does today and not otherwise; MUST_RELOCATE still makes a refusal EFAULT.

    David Hildenbrand asks whether the flag can be avoided (@<b65dd020-5e02-4863-8994-def576e3d3dd@redhat.com>); the
    author has run kernels with relocation forced on for all anonymous moves
    (@<c9075468-f8c8-4114-85df-c8b6afc6d8b4@lucifer.local>).
    """
    return flags & (RELOCATE | MUST_RELOCATE) or RELOCATE


decision(
    "sharing",
    "mm/vma.c:vma_maybe_has_shared_anon_folios",
    "How a move finds out that folios of the range may be mapped by another process.",
)


class Sharing(NamedTuple):
    """A way to find out."""

    gate: Callable[[Vma, AnonVma], str | None]
    """The reason against relocating a VMA with this active anon_vma at all; None if there is none."""
    marks: bool = False
    """Each folio carries a mark from its first fork on; one that has it stops the relocation."""


def by_anon_vma(vma: Vma, anon_vma: AnonVma) -> str | None:
    if len(vma.chain) > 1:
        return "fork-child"
    expected = 1 if anon_vma.root == vma.anon else 0
    return "forked-parent" if anon_vma.num_children > expected else None


def by_chain(vma: Vma, anon_vma: AnonVma) -> str | None:
    return "fork-child" if len(vma.chain) > 1 else None


def by_children(vma: Vma, anon_vma: AnonVma) -> str | None:
    if len(vma.chain) > 1:
        return "fork-child"
    return "forked-parent" if anon_vma.num_children > 1 else None


def by_folios_alone(vma: Vma, anon_vma: AnonVma) -> str | None:
    return None


constant(
    "sharing",
    "anon_vma",
    Sharing(by_anon_vma),
    "The VMA's history: more than one link (a fork child), or an anon_vma with children but itself. RFC v3 and v1.",
)
constant(
    "sharing",
    "chain_only",
    Sharing(by_chain),
    "Only the number of links, which says nothing about a fork parent (RFC v1). Jann Horn: "
    "@<CAG48ez3CiRTUv4Qwy_UQzQuEDtUoPVVXnuPyiWoAhWVqkF3VTA@mail.gmail.com>",
)
constant(
    "sharing",
    "children",
    Sharing(by_children),
    "Links, and more than one child: misses the one child of an anon_vma that is no root (RFC v2; Wei Yang, "
    "@<20250501011845.ktbfgymor4oz5sok@master>). No outcome differs: such a VMA has links to its ancestors too.",
)
constant(
    "sharing", "ever_shared", Sharing(by_folios_alone, marks=True),
    "Nothing about the VMA; each folio carries a mark from its first fork on, through swap and migration. The "
    "reviewer's proposal (@<b65dd020-5e02-4863-8994-def576e3d3dd@redhat.com>). Left open there: what a marked folio "
    "does to the move. Here it stops the relocation, as any obstacle does.",
)  # fmt: skip

decision("shared_folio", "mm/mremap.c:relocate_anon_pte", "What a folio that is mapped more than once does.")
constant(
    "shared_folio",
    "skip",
    "skip",
    "It is left as it is, with a one-time warning, and counted as success (RFC v2 to v1).",
)
constant("shared_folio", "unchecked", "unchecked", "Nobody looks: it is rewritten (RFC v1).")

decision("pinned", "mm/mremap.c:relocate_anon_pte", "What a folio that may be pinned does.")
constant(
    "pinned", "skip", "skip",
    "A small or PTE-mapped one is left as it is and counted as success: the June code does so though its "
    "changelog says abort; a PMD-mapped one stops the relocation.",
)  # fmt: skip
constant(
    "pinned", "abort", "stop",
    "It stops the relocation, as the June changelog says and as UFFDIO_MOVE does "
    "(@<182bf1ce-1b67-4243-854b-4d0c26aae563@redhat.com>).",
)  # fmt: skip
constant(
    "pinned",
    "move",
    "move",
    "It is rewritten like any other: a pin does not use the reverse map "
    "(@<7e51e1e2-7272-48d5-9457-40ab87ad7694@redhat.com>, @<f24dd244-f188-4804-981c-8b7560e5a26b@redhat.com>, "
    "@<d51af1de-110a-4cde-9091-98e15367dda3@lucifer.local>).",
)

decision("nonpresent", "mm/mremap.c:relocate_anon_pte", "What swap and migration entries do.")
constant("nonpresent", "skip", "skip", "Nothing: they move as they are and count as success (June series).")
constant(
    "nonpresent", "fix", "fix",
    "The folio behind the entry is rewritten too. David Hildenbrand proposes that for the swap cache, and to wait for "
    "migration to end (@<018c0663-dffb-49d0-895c-63bc9e5f9aec@redhat.com>); here both are rewritten.",
)  # fmt: skip
constant(
    "nonpresent", "fail", "stop",
    "Any of them stops the relocation: the careful answer to the objection that skipping is not safe "
    "(@<f24dd244-f188-4804-981c-8b7560e5a26b@redhat.com>).",
)  # fmt: skip

decision("large_folio", "mm/mremap.c:relocate_large_folio", "What a large folio across the border of the range does.")
constant(
    "large_folio", "split", "split",
    "A PTE-mapped one is split, unless its root is the one already locked; a PMD-mapped one stops the relocation.",
)  # fmt: skip
constant(
    "large_folio", "fail", "stop",
    "It stops the relocation: RFC v1, and one of the two answers that the review asks about "
    "(@<b65dd020-5e02-4863-8994-def576e3d3dd@redhat.com>).",
)  # fmt: skip

decision("failure", "mm/mremap.c:relocate_anon_folios", "What happens when an obstacle is met.")
constant("failure", "undo", True, "Folios are rewritten one by one; at an obstacle those before it are put back.")
constant(
    "failure", "detect_early", False,
    "The whole range is looked at before a VMA is made or a folio touched, so that nothing is ever undone: the "
    "reviewer's wish (@<b65dd020-5e02-4863-8994-def576e3d3dd@redhat.com>). Left open there: what has been done by "
    "then. Here the destination is unmapped and KSM pages are un-shared, as before any move.",
)  # fmt: skip

decision("ksm", "mm/mremap.c:prep_move_vma", "What a relocating move does with KSM pages of its range.")
constant("ksm", "unshare", "unshare", "They are un-shared before anything else, as every move does since long.")
constant("ksm", "skip", "skip", "They stay shared and count as success; their rmap_items keep the old address.")
constant(
    "ksm", "update_items", "update",
    "They stay shared and their rmap_items get the new address, anon_vma and, for 7.3, index: what the review expected "
    "to be needed (@<b65dd020-5e02-4863-8994-def576e3d3dd@redhat.com>). Left open there: a move that does not "
    "relocate. Here it un-shares, as today.",
)  # fmt: skip
constant(
    "ksm", "give_up", "stop",
    "A range with a KSM page is not relocated but un-shared and moved plainly: the review's thought for a first "
    "version (@<b65dd020-5e02-4863-8994-def576e3d3dd@redhat.com>).",
)  # fmt: skip

decision("undo_charge", "mm/mremap.c:copy_vma_and_data", "What the removal of the new VMA does to Committed_AS.")
constant("undo_charge", "uncharged", True, "It gives back a charge that was never taken: Committed_AS falls.")
constant("undo_charge", "neutral", False, "Nothing.")

decision(
    "relocation_memory", "mm/mremap.c:copy_vma_and_data", "Which allocation fails while a relocation is under way."
)
constant("relocation_memory", "enough", "enough", "None.")
constant(
    "relocation_memory", "no_anon_vma", "no anon_vma",
    "The new VMA gets no anon_vma: ENOMEM, and it is unmapped, as it is since RFC v2. RFC v1 freed it while it was "
    "linked, which is not shown. Jann Horn: @<CAG48ez3CiRTUv4Qwy_UQzQuEDtUoPVVXnuPyiWoAhWVqkF3VTA@mail.gmail.com>",
)  # fmt: skip
constant(
    "relocation_memory", "no_page_table", "no page table",
    "The destination gets no second page table: ENOMEM. The page tables go back, but folios that had moved keep the "
    "new index, since the undo goes on where the page tables stopped (inferred from the June code).",
)  # fmt: skip

decision(
    "relocation_lock",
    "mm/mremap.c:lock_new_anon_vma",
    "What keeps reverse-map walks away while folios and tables disagree.",
)
constant(
    "relocation_lock", "new_anon_vma", True, "The new VMA's anon_vma, write-locked until the page tables have moved."
)
constant(
    "relocation_lock", "none", False,
    "Nothing, to show what it is for: every relocation then has a moment at which a walk misses its folios. Jann Horn "
    "asks which locks protect them: @<CAG48ez3CiRTUv4Qwy_UQzQuEDtUoPVVXnuPyiWoAhWVqkF3VTA@mail.gmail.com>",
)  # fmt: skip
