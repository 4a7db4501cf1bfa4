"""Limits: map count."""

from __future__ import annotations

from mremapdsl.model.decision import choice, decision

decision(
    "mremap_map_count", "mm/mremap.c:check_mremap_params", "The map-count headroom that mremap asks for at its start."
)


@choice("mremap_map_count", "to_address_only")
def to_address_only(map_count: int, limit: int, to_address: bool, dontunmap: bool) -> bool:
    """Up to 7.0: calls with FIXED or DONTUNMAP need more than five free entries."""
    return not to_address or map_count + 2 < limit - 3


@choice("mremap_map_count", "every_call")
def every_call(map_count: int, limit: int, to_address: bool, dontunmap: bool) -> bool:
    """Since 7.2: every call, even one that changes nothing, needs four free entries; DONTUNMAP five."""
    return map_count + (5 if dontunmap else 4) <= limit


@choice("mremap_map_count", "none", wrong=True)
def no_limit(map_count: int, limit: int, to_address: bool, dontunmap: bool) -> bool:
    """No headroom is asked for."""
    return True


decision("move_map_count", "mm/mremap.c:prep_move_vma", "The map-count headroom that a single move asks for.")


@choice("move_map_count", "three_free")
def three_free(map_count: int, limit: int) -> bool:
    """More than three free entries."""
    return map_count < limit - 3


@choice("move_map_count", "checked_at_start")
def checked_at_start(map_count: int, limit: int) -> bool:
    """Since 7.2 the start of the call has looked already, exactly."""
    return map_count + 2 <= limit
