"""A whole site: who makes which page, where it goes, and what is left of an older one."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from mremapdsl.report.files import Output
from mremapdsl.report.index import Entry, index_page
from mremapdsl.report.style import script, style
from mremapdsl.report.work import Done, Job, work

TITLE = "Scenarios"


class Source(NamedTuple):
    """A file to report."""

    name: str
    """As the caller named it."""
    content: bytes


class Built(NamedTuple):
    """What came of it."""

    outcomes: Counter[str]
    unusable: int
    scenarios: int


def jobs_of(sources: Sequence[Source], rules: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]) -> list[Job]:
    """A job for each file: its topic is its folder below what all files have in common."""
    folders = [os.path.dirname(os.path.abspath(source.name)) for source in sources]
    base = os.path.commonpath(folders) if folders else ""
    taken: set[str] = set()
    found: list[Job] = []
    for source, folder in zip(sources, folders, strict=True):
        topic = "" if folder == base else os.path.relpath(folder, base).replace(os.sep, "/")
        stem = os.path.basename(source.name).removesuffix(".mrs")
        address = "/".join(["scenarios", *(plain(part) for part in topic.split("/") if part), plain(stem)])
        unique, number = address, 1
        while unique.lower() in taken:
            number += 1
            unique = f"{address}-{number}"
        taken.add(unique.lower())
        found.append(Job(source.name, source.content, topic, unique, rules))
    return found


def plain(name: str) -> str:
    """A name that is safe in paths and addresses."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "untitled"


def build(jobs: Sequence[Job], output: Output, workers: int, tell: Callable[[Done], None]) -> Built:
    """Write the site. ``tell`` is called for each file in order; the site does not depend on ``workers``."""
    entries: list[Entry] = []
    outcomes: Counter[str] = Counter()
    unusable = 0
    for done in results(jobs, workers):
        for path, text in done.pages:
            output.write(path, text)
        entries += done.entries
        outcomes.update(outcome for entry in done.entries for _, outcome in entry.runs)
        unusable += done.unusable
        tell(done)
    output.write("assets/report.css", style())
    output.write("assets/report.js", script())
    output.write("index.html", index_page(sorted(entries, key=lambda entry: entry.topic.split("/")), TITLE))
    output.finish()
    return Built(outcomes, unusable, sum(bool(entry.address) for entry in entries))


def results(jobs: Sequence[Job], workers: int) -> Iterator[Done]:
    """The jobs done, in order."""
    if workers <= 1 or len(jobs) <= 1:
        yield from map(work, jobs)
        return
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(min(workers, len(jobs))) as pool:
        yield from pool.map(work, jobs, chunksize=max(1, min(16, len(jobs) // (workers * 4))))
