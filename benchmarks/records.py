"""Records of real kernels (a program and what was seen, as gzipped lines of JSON) as scenarios."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

FLAGS = {"maymove": "MAYMOVE", "fixed": "FIXED", "dontunmap": "DONTUNMAP", "relocate": "RELOCATE",
         "must_relocate": "MUST_RELOCATE"}  # fmt: skip


def cases(path: str) -> Iterator[dict[str, Any]]:
    """The records of a file."""
    with gzip.open(path, "rt") as lines:
        for line in lines:
            yield json.loads(line)


def scenario(case: dict[str, Any]) -> str:
    """The program of a record; each call is expected to end as it was seen to end."""
    pairs = zip(case["ops"], case["seen"], strict=True)
    body = "".join(f"  {statement(i, op, seen['ret'])}\n" for i, (op, seen) in enumerate(pairs))
    return f'scenario "{case["id"]}" {{\n{body}}}\n'


def statement(number: int, op: dict[str, Any], result: int | str) -> str:
    """One call as a statement."""
    process = "parent" if op["p"] == "P0" else op["p"]
    if op["op"] == "exit":
        return f"exit {process}"
    if op["op"] == "ksm_scan":
        return "ksm scan"
    fails = f" fails {result}" if result else ""
    return f"{process}: {call(number, op)}{fails}"


def call(number: int, op: dict[str, Any]) -> str:
    kind = op["op"]
    if kind == "fork":
        return f"fork {op['child']}"
    where = f"@{op['at']}+{op['len']}"
    if kind == "mmap":
        reserve = " noreserve" if "noreserve" in op["flags"] else ""
        return f"mmap R{number} {op['len']} {op['prot'] or 'none'}{reserve} at @{op['at']}"
    if kind == "mprotect":
        return f"mprotect {where} {op['prot'] or 'none'}"
    if kind == "madvise":
        return f"madvise {where} {op['advice'].upper()}"
    if kind == "touch":
        return f"touch {where} {op.get('val', 1)}"
    if kind == "mremap":
        to = f" to @{op['to']}" if op.get("to") is not None else ""
        size = f" size {op['newlen']}" if op["newlen"] != op["len"] else ""
        return f"mremap {where}{to}{size}" + "".join(f" {FLAGS[flag]}" for flag in op["flags"])
    return f"{kind} {where}"
