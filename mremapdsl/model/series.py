"""The MREMAP_RELOCATE_ANON series as data: each revision is a kernel with some decisions changed.

Revisions: RFC v1 (@<cover.1742478846.git.lorenzo.stoakes@oracle.com>), RFC v2
(@<cover.1745307301.git.lorenzo.stoakes@oracle.com>), RFC v3 (@<cover.1746305604.git.lorenzo.stoakes@oracle.com>) and
the June 2025 posting (@<cover.1749473726.git.lorenzo.stoakes@oracle.com>), here v1.  All are laid on the 6.16 rules,
the base of the last one.
"""

from __future__ import annotations

from collections.abc import Mapping

from mremapdsl.model.kernels import KERNELS, LINUX_6_16, LINUX_7_3

PARAMETERS = {"relocate_flags": "known"}

RFC3 = {**LINUX_6_16, **PARAMETERS}
V1 = {**RFC3, "merge_any_first": "before_merging"}
"""9 June 2025: RFC v3 rebased. Its base has one change of 6.17 already, or the test ksm_merge, which it does not add,
would fail there."""

RFC2 = {**RFC3, "sharing": "children"}
RFC1 = {**RFC2, "sharing": "chain_only", "shared_folio": "unchecked", "pinned": "move", "large_folio": "fail"}

V1_ON_7_3 = {**LINUX_7_3, **PARAMETERS, "move_range": "one_vma"}
"""Patches 01 to 03 of June 2025 ported to 7.3.4, moves of several VMAs off."""

AUTO = {**V1, "trigger": "auto"}
"""No flag: every anonymous move relocates where it can."""

RULE_SETS: dict[str, Mapping[str, str]] = {
    **KERNELS,
    "relocate-rfc1": RFC1,
    "relocate-rfc2": RFC2,
    "relocate-rfc3": RFC3,
    "relocate-v1": V1,
    "relocate-v1-7.3": V1_ON_7_3,
    "relocate-auto": AUTO,
}
ALIASES = {"series": "relocate-v1"}
DEFAULT = "relocate-v1"
