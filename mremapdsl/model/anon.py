"""Giving VMAs their anon_vmas: on the first fault, by a merge, at fork. Mirrors ``mm/rmap.c``."""

from __future__ import annotations

from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.records import ACCESS, AnonVma, Vma


def prepare(machine: Machine, mm: Mm, i: int) -> Vma:
    """VMA i with an anon_vma: its own, a compatible neighbour's (next before prev), or a new root.

    Kernel: __anon_vma_prepare, find_mergeable_anon_vma.
    """
    vma = mm.vmas[i]
    if vma.anon:
        return vma
    neighbour = find_adoptable(machine, mm, i)
    if neighbour is not None:
        anon = neighbour.anon
        machine.note("anon-vma-adopted", start=vma.start, end=vma.end, anon=anon, neighbour=neighbour.start)
    else:
        anon = machine.new_anon_vma()
        machine.note("anon-vma-new", start=vma.start, end=vma.end, anon=anon)
    vma = vma.with_anon(anon, (anon,), machine.step_number)
    machine.replace_vmas(mm, i, i + 1, [vma])
    machine.link(vma)
    return vma


def find_adoptable(machine: Machine, mm: Mm, i: int) -> Vma | None:
    """The neighbour whose anon_vma VMA i can take: next, else prev (find_mergeable_anon_vma)."""
    vma = mm.vmas[i]
    for j in (i + 1, i - 1):
        if 0 <= j < len(mm.vmas):
            neighbour = mm.vmas[j]
            touches = neighbour.start == vma.end if j > i else neighbour.end == vma.start
            if touches and compatible(machine, vma, neighbour) and machine.rules.adopt_anon_vma(neighbour):
                return neighbour
    return None


def compatible(machine: Machine, vma: Vma, neighbour: Vma) -> bool:
    """Same flags apart from the access flags, same file, continuing page offset (anon_vma_compatible)."""
    return (
        not (vma.flags ^ neighbour.flags) & ~(ACCESS | machine.rules.flags_ignored)
        and vma.file == neighbour.file
        and vma.skew == neighbour.skew
        and (vma.anon_skew == neighbour.anon_skew or not machine.rules.private_file_index)
    )


def adopt_chain(machine: Machine, target: Vma, donor: Vma | None) -> Vma:
    """The surviving VMA of a merge: with the donor's anon_vma and links if it had none (dup_anon_vma)."""
    if donor is None or target.anon or not donor.anon:
        return target
    machine.note("anon-vma-copied", start=target.start, end=target.end, anon=donor.anon)
    target = target.with_anon(donor.anon, machine.cloned_chain(donor.chain), machine.step_number)
    machine.link(target)
    return target


def fork_anon_vma(machine: Machine, parent: Vma, child: Vma) -> Vma:
    """The child's VMA linked to all of the parent VMA's anon_vmas, and with one of its own: an idle one of the
    chain, else a new one below the parent's (anon_vma_fork).
    """
    if not parent.anon:
        return child
    anons = machine.anon_vmas
    chain = machine.cloned_chain(parent.chain)
    own = 0
    for number in machine.rules.chain_walk(parent.chain):
        if machine.rules.reuse_anon_vma(anons[number]):
            own = number
            machine.note("anon-vma-reused", start=child.start, end=child.end, anon=own)
            break
    if not own:
        own = machine.new_anon_vma(anons[parent.anon].root, parent.anon)
        chain = (own, *chain)
        machine.note("anon-vma-forked", start=child.start, end=child.end, anon=own, parent=parent.anon)
    child = child.with_anon(own, chain, machine.step_number)
    machine.link(child)
    return child


def is_root(number: int, anon_vma: AnonVma) -> bool:
    return anon_vma.root == number
