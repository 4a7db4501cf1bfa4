"""What one step changed, as the invariants need it: where to look, and sums that must cancel out.

Every count that the kernel keeps (mappings of a frame, users of a swap slot, links, active VMAs and children of an
anon_vma) is changed by one verb and caused by another.  Both enter here with opposite signs.
"""

from __future__ import annotations

from collections import defaultdict


class Journal:
    __slots__ = ("active", "children", "frames", "links", "maps", "pointed", "ptes", "users", "vmas")

    def __init__(self) -> None:
        self.vmas: list[tuple[str, int, int]] = []
        """(process, start, end) of VMAs that were put or taken away."""
        self.ptes: list[tuple[str, int, int]] = []
        """(process, start, end) whose page table entries were replaced."""
        self.frames: list[tuple[int, int]] = []
        """Frames whose record was replaced."""
        self.pointed: list[tuple[int, int]] = []
        """Frames whose folio points elsewhere now (another anon_vma or index)."""
        self.maps: list[tuple[int, int, int]] = []
        """(first frame, end, n): n more entries map these frames than their records say."""
        self.users: list[tuple[int, int, int]] = []
        """(first slot, end, n): n more swap entries refer to these slots than their records say."""
        self.links: defaultdict[int, int] = defaultdict(int)
        """Per anon_vma: VMAs linked to it less the links that it counts."""
        self.active: defaultdict[int, int] = defaultdict(int)
        self.children: defaultdict[int, int] = defaultdict(int)

    @property
    def empty(self) -> bool:
        return not (self.vmas or self.ptes or self.frames or self.maps or self.users or self.links)
