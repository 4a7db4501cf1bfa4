"""Results as plain data: what was searched, how far, what was found; of shards, written, read and joined."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from tempfile import gettempdir
from typing import Any, NamedTuple

SCHEMA = "mremapdsl-explore/2"
ENDINGS = ("found", "depth", "exhausted")
"""Of searches that were not cut short."""


class Finding(NamedTuple):
    """One thing that was found."""

    kind: str
    words: str
    path: tuple[int, ...]
    """The numbers of its operations: of two paths of one length, the search comes to the smaller one first."""
    text: str
    """The scenario that shows it."""


class Report(NamedTuple):
    """What was searched, how far, and what was found."""

    rules: str
    against: str
    find: str
    start: str
    """The file that the search began with; empty for an empty machine."""
    pages: int
    window: tuple[int, int] | None
    processes: int
    kinds: tuple[str, ...]
    depth: int
    all_minimal: bool
    reached: int
    """Levels that were finished."""
    queue: int
    states: int
    transitions: int
    seconds: float
    ended: str
    shards: tuple[str, ...]
    found: tuple[Finding, ...]
    """The first found first."""

    @property
    def least(self) -> int:
        """Operations of the shortest finding, 0 without one."""
        return min((len(finding.path) for finding in self.found), default=0)

    @property
    def conclusive(self) -> bool:
        """Whether something was found, or the bound is known to hold nothing."""
        return bool(self.found) or (self.ended in ("depth", "exhausted") and not self.missing)

    @property
    def missing(self) -> list[str]:
        """Shards of which there is no result."""
        of = self.shards[0].partition("/")[2]
        return [name for i in range(1, int(of) + 1) if (name := f"{i}/{of}") not in self.shards]

    def summary(self) -> list[str]:
        """The bound, what was done, and what was cut off."""
        against = f" against {self.against}" if self.against else ""
        start = f" behind {self.start}" if self.start else ""
        where = "" if self.window is None else f" (pages {self.window[0]} to {self.window[1] - 1} of the arena)"
        rate = f"{self.transitions / self.seconds:,.0f}" if self.seconds else "?"
        pages, processes, depth = (
            counted(*each) for each in ((self.pages, "page"), (self.processes, "process"), (self.depth, "operation"))
        )
        bound = f"{pages}{where}, {processes}, {depth} in a row"
        return [
            f"explored {self.rules}{against}{start} for: {self.find}",
            f"bound: {bound}, of these: {', '.join(self.kinds)}",
            *self.sharing(),
            f"{self.transitions:,} runs (each a shortest way to a state, and one operation more)",
            f"{self.states:,} distinct states, {self.queue:,} of them not looked behind",
            f"{self.seconds:.1f} s, {rate} runs a second",
            *self.ending(),
        ]

    def sharing(self) -> Iterator[str]:
        """Which part of the search this is."""
        if self.shards == ("1/1",):
            return
        counted = " joined; what several of them reached is counted for each" if len(self.shards) > 1 else ""
        yield f"shard {', '.join(self.shards)}{counted}"
        if self.missing:
            yield f"cut off: what is left to shard {', '.join(self.missing)}"

    def ending(self) -> Iterator[str]:
        """Why the search ended and what that leaves open."""
        level, done = counted(self.reached + 1, "operation"), counted(self.reached, "operation")
        unfinished = {
            "states": f"stopped among runs of {level}: there are as many states as --max-states allows",
            "room": f"stopped among runs of {level}: no room for the queue of states in {gettempdir()} (the "
            "environment variable TMPDIR names another place)",
            "time": f"stopped among runs of {level}: --time ran out",
            "interrupted": f"interrupted among runs of {level}",
        }.get(self.ended)
        if self.found:
            more = "" if self.all_minimal else " (--all-minimal shows the others of this length)"
            part = " in this part" if self.missing else ""
            found = counted(self.least, "operation")
            yield f"found after {found}; nothing shorter{part}; longer runs were not looked at{more}"
            if unfinished:
                yield f"cut off: {unfinished}"
        elif unfinished:
            yield f"nothing found up to {done}; cut off: {unfinished}"
        elif self.ended == "exhausted":
            yield f"nothing found, and after {done} no new state within this bound"
        else:
            yield f"nothing found up to {done}; cut off: longer runs, more pages and processes"


def counted(number: int, what: str) -> str:
    if number == 1:
        return f"1 {what}"
    return f"{number} {what}{'es' if what.endswith('s') else 's'}"


def write(path: str, report: Report) -> None:
    """Errors: FileExistsError, OSError."""
    with open(path, "x", encoding="utf-8") as stream:
        json.dump({"schema": SCHEMA, **report._asdict()}, stream, indent=1)
        stream.write("\n")


def read(path: str) -> Report:
    """Errors: OSError, ValueError for what is no such file."""
    with open(path, encoding="utf-8") as stream:
        try:
            data: Any = json.load(stream)
        except ValueError:
            data = None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:  # pyright: ignore[reportUnknownMemberType]
        raise ValueError(f"{path}: not a result of `mremapdsl explore --json`")
    fields: dict[str, Any] = {name: data[name] for name in Report._fields if name in data}
    try:
        for name in ("kinds", "shards"):
            fields[name] = tuple(fields[name])
        fields["window"] = fields["window"] and tuple(fields["window"])
        fields["found"] = tuple(Finding(k, words, tuple(way), text) for k, words, way, text in fields["found"])
        return Report(**fields)
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{path}: a result of `mremapdsl explore --json`, but not a whole one") from None


def merge(reports: Sequence[Report]) -> Report:
    """The shards of one search joined: of each kind of finding the first, counts summed, the least depth reached.

    Errors: ValueError if they are not different shards of one search.
    """
    first = reports[0]
    shards = tuple(sorted((shard for r in reports for shard in r.shards), key=lambda s: [*map(int, s.split("/"))]))
    for other in reports[1:]:
        for field in ("rules", "against", "find", "start", "pages", "window", "processes", "kinds", "depth",
                      "all_minimal"):  # fmt: skip
            if getattr(other, field) != getattr(first, field):
                raise ValueError(f"not shards of one search: {field} differs")
    if len({shard.partition("/")[2] for shard in shards}) > 1:
        raise ValueError("not shards of one search: it was split into different numbers of them")
    if len(set(shards)) < len(shards):
        raise ValueError("the same shard twice")
    best: dict[str, Finding] = {}
    order = sorted((f for r in reports for f in r.found), key=lambda f: (len(f.path), f.path))
    for finding in order:
        if len(finding.path) == len(order[0].path):
            best.setdefault(finding.kind, finding)
    found = tuple(best.values())
    cut = next((r.ended for r in reports if r.ended not in ENDINGS), None)
    return first._replace(
        reached=min(r.reached for r in reports),
        queue=sum(r.queue for r in reports),
        states=sum(r.states for r in reports),
        transitions=sum(r.transitions for r in reports),
        seconds=sum(r.seconds for r in reports),
        ended=cut
        or next((ended for ended in ("found", "depth") if any(r.ended == ended for r in reports)), "exhausted"),
        shards=shards,
        found=found if first.all_minimal else found[:1],
    )
