"""What is known of a page besides its run."""

from __future__ import annotations

from typing import NamedTuple


class Detail(NamedTuple):
    """One page, in the order in which it is compared; None where nothing is there or nothing can be seen."""

    kind: str
    """As in PageView."""
    anon_vma: str | None
    """Its folio's; empty for none."""
    mapcount: int | None
    exclusive: bool | None
    """PageAnonExclusive, or the exclusive mark of a swap entry."""
    order: int | None
    pinned: bool | None
    value: int | None
    """First byte of its content."""
