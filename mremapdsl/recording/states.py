"""States as records, and recorded states as observations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mremapdsl.backend import AnonVmaView, Observation, PageRun, PageView, Unseen, VmaView
from mremapdsl.compare.states import Internals
from mremapdsl.live.detail import Detail
from mremapdsl.recording.operations import Json, Unknown, own_name, recorded_name


class Names:
    """Numbers for anon_vmas in order of first appearance."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __call__(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers))


def seen_record(result: str, state: Observation) -> Json:
    """What was seen after an operation."""
    names = Names()
    seen: Json = {"ret": 0 if result == "ok" else result, "state": _state(state, names)}
    if isinstance(state, Internals):
        seen["anon_vmas"] = {
            str(names(name)): [names(view.root), names(view.parent), view.num_children, view.num_active_vmas]
            for name, view in state.anon_vmas().items()
        }
    return seen


def _state(state: Observation, names: Names) -> Json:
    """A state as plain data, processes in order of their recorded names (as readers of the format number them)."""
    found: Json = {}
    for process in sorted(state.processes(), key=recorded_name):
        found[recorded_name(process)] = {
            "vmas": [_vma(vma, state.anon_vmas(), names) for vma in state.vmas(process)],
            "pages": [list(run) for run in state.pages(process)],
        }
    if isinstance(state, Internals):
        for name, process in found.items():
            chains = state.chains(own_name(name))
            for vma, chain in zip(process["vmas"], chains, strict=True):
                vma["chain"] = [names(anon_vma) for anon_vma in chain]
            process["details"] = list(_details(state.details(own_name(name)), names))
    return found


def _vma(vma: VmaView, anon_vmas: Mapping[str, AnonVmaView], names: Names) -> Json:
    found: Json = {"s": vma.start, "e": vma.end, "prot": vma.prot}
    if vma.pgoff is not None:
        found["pgoff"] = vma.pgoff
    if vma.anon_vma is not None:
        found["av"] = None
        if vma.anon_vma:
            view = anon_vmas[vma.anon_vma]
            numbers = [names(name) for name in (vma.anon_vma, view.root, view.parent)]
            found["av"] = [*numbers, view.num_children, view.num_active_vmas]
        found["avc"] = vma.chain
    if vma.file is not None:
        found["file"] = vma.file
    found["flags"] = " ".join(vma.flags)
    return found


def _details(details: Mapping[int, Detail], names: Names) -> Iterator[list[object]]:
    """Runs [page, count, kind, anon_vma, mapcount, exclusive, order, pinned, value] of pages alike."""
    run: list[object] = []
    first = count = 0
    for page, detail in details.items():
        anon_vma = names(detail.anon_vma) if detail.anon_vma else detail.anon_vma
        now: list[object] = [detail.kind, anon_vma, *detail[2:]]
        if now == run and page == first + count:
            count += 1
            continue
        if run:
            yield [first, count, *run]
        run, first, count = now, page, 1
    if run:
        yield [first, count, *run]


def _page_run(page: int, count: int, kind: str, frame: int | None, exclusive: int, index: int | None = None) -> PageRun:
    return PageRun(page, count, kind, frame, bool(exclusive), index)


class RecordedObservation:
    """A recorded state as an Observation."""

    def __init__(self, seen: Json) -> None:
        state = seen["state"]
        self._state: dict[str, Json] = {own_name(name): process for name, process in state.items()}
        self._vmas: dict[str, list[VmaView]] = {}
        self._pages: dict[str, list[PageRun]] = {}
        self._anon_vmas: dict[str, AnonVmaView] = {}
        for name, process in self._state.items():
            self._vmas[name] = [self._vma(vma) for vma in process["vmas"]]
            self._pages[name] = [_page_run(*run) for run in process["pages"]]
        for number, (root, parent, children, active) in seen.get("anon_vmas", {}).items():
            self._anon_vmas[f"av{number}"] = AnonVmaView(f"av{root}", f"av{parent}", children, active)

    def _vma(self, vma: Json) -> VmaView:
        anon_vma: str | None = None
        if "av" in vma:
            anon_vma = ""
            if vma["av"] is not None:
                number, root, parent, children, active = vma["av"]
                anon_vma = f"av{number}"
                self._anon_vmas[anon_vma] = AnonVmaView(f"av{root}", f"av{parent}", children, active)
        flags = tuple(vma.get("flags", "").split())
        return VmaView(
            vma["s"], vma["e"], vma["prot"], vma.get("pgoff"), anon_vma, vma.get("avc"), flags, vma.get("file")
        )

    def _process(self, name: str) -> Json:
        if name not in self._state:
            raise Unseen(f"process {name} does not exist (any more)")
        found: Json = self._state[name]
        return found

    def processes(self) -> Sequence[str]:
        return list(self._state)

    def vmas(self, process: str) -> Sequence[VmaView]:
        self._process(process)
        return self._vmas[process]

    def pages(self, process: str) -> Sequence[PageRun]:
        self._process(process)
        return self._pages[process]

    def page(self, process: str, page: int) -> PageView:
        for run in self.pages(process):
            if run.page <= page < run.page + run.count:
                once = 1 if run.exclusive else None
                return PageView(run.kind, run.frame, run.index, None, once, None, None, None, None)
        return PageView(".", None, None, None, None, None, None, None, None)

    def alike(self, process: str, page: int) -> int:
        return page + 1

    def anon_vmas(self) -> Mapping[str, AnonVmaView]:
        """All of a deep record; else those that are some VMA's own."""
        return self._anon_vmas

    def rmap(self, process: str, page: int) -> frozenset[tuple[str, int]]:
        raise Unseen("reverse-map walks are not recorded")

    def count(self, process: str, what: str) -> int:
        raise Unseen(f"{what} is not recorded")

    def would_show(self, invariant: str | None) -> None:
        raise Unseen("broken invariants are not recorded")


class DeepRecord(RecordedObservation):
    """A recorded state with what only BPF shows."""

    def __init__(self, seen: Json) -> None:
        super().__init__(seen)
        state = self._state.items()
        self._chains = {name: [_chain(vma["chain"]) for vma in process["vmas"]] for name, process in state}
        self._details = {name: dict(_page_details(process["details"])) for name, process in state}

    def chains(self, process: str) -> Sequence[tuple[str, ...]]:
        self._process(process)
        return self._chains[process]

    def details(self, process: str) -> Mapping[int, Detail]:
        self._process(process)
        return self._details[process]


def _chain(numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple(f"av{number}" for number in numbers)


def _page_details(runs: Iterable[Any]) -> Iterator[tuple[int, Detail]]:
    for first, count, kind, anon_vma, *rest in runs:
        detail = Detail(kind, f"av{anon_vma}" if isinstance(anon_vma, int) else anon_vma, *rest)
        for page in range(first, first + count):
            yield page, detail


def observation(seen: Json) -> RecordedObservation:
    """A recorded state, with all that was recorded of it. Raises Unknown."""
    try:
        return DeepRecord(seen) if "anon_vmas" in seen else RecordedObservation(seen)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unknown(f"a state that cannot be read: {type(error).__name__}: {error}") from None
