"""Everything that a run goes through, input by input, by one process or by several, in the same order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from mremapdsl import api
from mremapdsl.cli.inputs import Input, Unusable
from mremapdsl.lang import Diagnostic
from mremapdsl.output.results import Result
from mremapdsl.program import Program, RuleChoice
from mremapdsl.recorded import path_of
from mremapdsl.units import Unit, units

USUAL = (RuleChoice(api.DEFAULT_RULES),)
"""The rules of scenarios that name none, unless others are asked for."""


class Source(NamedTuple):
    """One input, compiled."""

    name: str
    is_file: bool
    content: bytes
    unreadable: str
    """Why it cannot be read; empty if it can."""
    diagnostics: tuple[Diagnostic, ...]
    program: Program | None
    trace: str
    """The recorded trace to hold it against; empty if there is none."""
    units: tuple[Unit, ...]


def load(found: Input | Unusable, defaults: Sequence[RuleChoice]) -> Source:
    """Compile an input and see what there is to run."""
    if isinstance(found, Unusable):
        return Source(found.name, False, b"", found.why, (), None, "", ())
    compiled = api.compile_text(found.content, found.name)
    trace = ""
    if compiled.program is not None and found.is_file:
        trace = path_of(compiled.program, defaults, USUAL)
    made = () if compiled.program is None else tuple(units(compiled.program, defaults, traced=bool(trace)))
    return Source(found.name, found.is_file, found.content, "", compiled.diagnostics, compiled.program, trace, made)


def go(
    sources: Iterable[Source], work: Callable[[Unit], Result], jobs: int
) -> Generator[tuple[Source, Iterator[Result]], None, None]:
    """Each input with the results of its units, which are to be taken before the next input is asked for."""
    if jobs <= 1:
        for source in sources:
            yield source, map(work, source.units)
        return
    from mremapdsl.parallel import ordered

    loaded = list(sources)
    results = ordered(work, [unit for source in loaded for unit in source.units], jobs)
    try:
        for source in loaded:
            yield source, islice(results, len(source.units))
    finally:
        results.close()
