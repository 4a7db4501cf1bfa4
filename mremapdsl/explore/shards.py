"""Results as plain data: written by the shards of a search, read and joined."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

SCHEMA = "mremapdsl-explore/1"


class Report(NamedTuple):
    """What was searched, how far, and what was found."""

    rules: str
    against: str
    find: str
    pages: int
    processes: int
    kinds: tuple[str, ...]
    depth: int
    reached: int
    """Levels that were finished."""
    states: int
    transitions: int
    seconds: float
    ended: str
    shard: str
    dropped: int
    least: int
    """Operations of the shortest finding, 0 without one."""
    found: tuple[tuple[str, str, str], ...]
    """(kind, words, scenario text), the first found first."""

    def summary(self) -> list[str]:
        """The bound, what was done, and what was cut off."""
        against = f" against {self.against}" if self.against else ""
        shard = "" if self.shard == "1/1" else f", shard {self.shard} ({self.dropped} states left to the others)"
        rate = f"{self.transitions / self.seconds:.0f}" if self.seconds else "?"
        return [
            f"explored {self.rules}{against} for: {self.find}",
            f"bound: {self.pages} pages, {self.processes} processes, depth {self.depth}{shard}",
            f"operations: {', '.join(self.kinds)}",
            f"{self.states} states, {self.transitions} transitions, {self.seconds:.1f} s, {rate} transitions a second",
            self.ending(),
        ]

    def ending(self) -> str:
        """Why the search ended and what that leaves open."""
        level = f"depth {self.reached + 1}"
        if self.found:
            return f"found: {len(self.found)} after {self.least} operations; what lies behind was not looked at"
        return {
            "exhausted": f"nothing found: no new state after {self.reached} operations within this bound",
            "depth": f"nothing found up to {self.reached} operations; deeper runs were cut off",
            "states": f"nothing found; stopped in {level}: as many states as --max-states allows",
            "time": f"nothing found up to {self.reached} operations; --time ran out",
            "interrupted": f"nothing found up to {self.reached} operations; interrupted in {level}",
        }.get(self.ended, self.ended)


def write(path: str, report: Report) -> None:
    """Errors: FileExistsError."""
    with open(path, "x", encoding="utf-8") as stream:
        json.dump({"schema": SCHEMA, **report._asdict()}, stream, indent=1)
        stream.write("\n")


def read(path: str) -> Report:
    """Errors: OSError, ValueError for what is no such file."""
    with open(path, encoding="utf-8") as stream:
        data = json.load(stream)
    if data.pop("schema", None) != SCHEMA:
        raise ValueError(f"{path}: not a result of `mremapdsl explore --json`")
    data["kinds"] = tuple(data["kinds"])
    data["found"] = tuple((kind, words, text) for kind, words, text in data["found"])
    return Report(**data)


def merge(reports: Sequence[Report]) -> Report:
    """The shards of one search joined: of each kind of finding the shortest, counts summed, the least depth reached.

    Errors: ValueError if they are not of one search.
    """
    first = reports[0]
    same = ("rules", "against", "find", "pages", "processes", "kinds", "depth")
    for other in reports[1:]:
        for field in same:
            if getattr(other, field) != getattr(first, field):
                raise ValueError(f"not shards of one search: {field} differs")
    best: dict[str, tuple[str, str, str]] = {}
    for report in reports:
        for finding in report.found:
            kind = finding[0]
            if kind not in best or finding[2].count("\n") < best[kind][2].count("\n"):
                best[kind] = finding
    least = min((f[2].count("\n") for f in best.values()), default=0)
    ended = next((r.ended for r in reports if r.ended not in ("exhausted", "found")), first.ended)
    return first._replace(
        reached=min(r.reached for r in reports),
        states=sum(r.states for r in reports),
        transitions=sum(r.transitions for r in reports),
        seconds=sum(r.seconds for r in reports),
        ended="found" if best else ended,
        shard="1/1",
        dropped=0,
        least=min((r.least for r in reports if r.found), default=0),
        found=tuple(f for f in best.values() if f[2].count("\n") == least),
    )
