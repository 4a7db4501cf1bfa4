"""Operations as records, and back."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from mremapdsl import ops

Json: TypeAlias = dict[str, Any]
FIRST = "P0"
"""What records call the process ``parent``."""
WORDS: Mapping[type, str] = MappingProxyType({
    ops.Mmap: "mmap", ops.Munmap: "munmap", ops.Mprotect: "mprotect", ops.Mlock: "mlock", ops.Munlock: "munlock",
    ops.Mseal: "mseal", ops.Madvise: "madvise", ops.Touch: "touch", ops.Read: "read", ops.Mremap: "mremap",
    ops.Fork: "fork", ops.Exit: "exit", ops.KsmScan: "ksm_scan", ops.KsmMerge: "ksm_merge", ops.Pin: "pin",
    ops.Unpin: "unpin", ops.Migrate: "migrate", ops.Swapout: "swapout", ops.Swapin: "swapin", ops.Split: "split",
    ops.Collapse: "collapse", ops.Set: "set",
})  # fmt: skip
TYPES: Mapping[str, type[Any]] = MappingProxyType({word: kind for kind, word in WORDS.items()})
FIELDS = {"pages": "len", "new_pages": "newlen", "byte": "val"}
"""Fields of operations that records call otherwise."""
MMAP_FLAGS = ("shared", "noreserve", "populate")


class Unknown(Exception):
    """A record that this version cannot read."""


def to_record(op: ops.Operation) -> Json:
    """An operation as plain data."""
    found: Json = {"p": recorded_name(op.process), "op": WORDS[type(op)]}
    for field, value in zip(op._fields[1:], op[1:], strict=True):
        found[FIELDS.get(field, field)] = value
    if isinstance(op, ops.Mmap):
        flags = [flag for flag in MMAP_FLAGS if found.pop(flag)]
        file, file_page = found.pop("file"), found.pop("file_page")
        found["flags"] = flags
        if file is not None:
            found |= {"file": file, "file_page": file_page}
    elif isinstance(op, ops.Madvise):
        found["advice"] = op.advice.lower()
    elif isinstance(op, ops.Mremap):
        found["flags"] = [name.lower() for name, bit in ops.MREMAP_FLAGS.items() if op.flags & bit]
    elif isinstance(op, ops.Fork):
        found["child"] = recorded_name(op.child)
    return found


def from_record(record: Json) -> ops.Operation:
    """The operation of a record. Raises Unknown."""
    try:
        kind = TYPES[record["op"]]
        return _from_record(kind, record)
    except (KeyError, TypeError) as error:
        raise Unknown(f"operation {record}: {error}") from None


def _from_record(kind: type[Any], record: Json) -> ops.Operation:
    values: Json = {}
    for field in kind._fields[1:]:
        key = FIELDS.get(field, field)
        if key in record:
            values[field] = record[key]
    if kind is ops.Mmap:
        values |= dict.fromkeys(record["flags"], True)
    elif kind is ops.Madvise:
        values["advice"] = record["advice"].upper()
    elif kind is ops.Mremap:
        values["flags"] = sum(ops.MREMAP_FLAGS[flag.upper()] for flag in record["flags"])
    elif kind is ops.Fork:
        values["child"] = own_name(record["child"])
    made: ops.Operation = kind(own_name(record.get("p", FIRST)), **values)
    return made


def recorded_name(process: str) -> str:
    return FIRST if process == "parent" else process


def own_name(process: str) -> str:
    return "parent" if process == FIRST else process
