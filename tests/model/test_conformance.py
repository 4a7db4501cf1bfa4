"""The model does what real kernels were recorded doing, seen through the command line and its JSON trace."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

DATA = Path(__file__).parent.parent / "data" / "conformance"
RULES = {
    **dict.fromkeys(("errors-1", "fork-1", "ksm-1", "merge-1", "swap-1", "thp-1"), "linux-6.18"),
    **dict.fromkeys(("relo-1", "relofork-1", "reloksm-1", "relothp-1"), "relocate-v1-7.3"),
}
CANNOT_AGREE = {"thp-1-24", "thp-1-119", "thp-1-183"}
"""In these the recorder saw only VMAs that start in the arena's first page: mmap, touch and mremap at other places
succeed, and the list of VMAs stays empty.  No honest model can do both."""
FLAGS = {"maymove": "MAYMOVE", "fixed": "FIXED", "dontunmap": "DONTUNMAP", "relocate": "RELOCATE",
         "must_relocate": "MUST_RELOCATE"}  # fmt: skip

Json = dict[str, Any]


class Page(NamedTuple):
    """One mapped page, comparable between the kernel's records and ours."""

    page: int
    kind: str
    frame: int | None
    exclusive: bool
    index: int | None


class Process(NamedTuple):
    vmas: list[tuple[int, int, str]]
    pgoffs: list[int]
    anon_vmas: list[tuple[int, ...] | None]
    """(anon_vma, root, parent, num_children, num_active_vmas, length of the chain) of each VMA."""
    pages: list[Page]


class Numbers:
    """New numbers for names in order of first appearance."""

    def __init__(self) -> None:
        self.known: dict[object, int] = {}

    def __call__(self, name: object) -> int:
        return self.known.setdefault(name, len(self.known))


# --- from a record to a scenario -----------------------------------------------------------------------------


def process_name(recorded: str) -> str:
    return "parent" if recorded == "P0" else recorded


def statement(number: int, op: Json, result: int | str) -> str:
    """The line of a scenario that carries out a recorded operation and expects its result."""
    where = f"@{op['at']}+{op['len']}" if "at" in op else ""
    fails = f" fails {result}" if result else ""
    match op["op"]:
        case "mmap":
            noreserve = " noreserve" if "noreserve" in op["flags"] else ""
            words = f"mmap M{number} {op['len']} {op['prot'] or 'none'}{noreserve} at @{op['at']}"
        case "mprotect":
            words = f"mprotect {where} {op['prot'] or 'none'}"
        case "madvise":
            words = f"madvise {where} {op['advice'].upper()}"
        case "touch":
            words = f"touch {where} {op.get('val', 1)}"
        case "mremap":
            to = "" if op["to"] is None else f" to @{op['to']}"
            size = "" if op["newlen"] == op["len"] else f" size {op['newlen']}"
            words = f"mremap {where}{to}{size}" + "".join(f" {FLAGS[flag]}" for flag in op["flags"])
        case "fork":
            words = f"fork {op['child']}"
        case "exit":
            return f"exit {process_name(op['p'])}"
        case "ksm_scan":
            return "ksm scan"
        case word:
            words = f"{word} {where}"
    return f"{process_name(op['p'])}: {words}{fails}"


def scenario(program: Json) -> str:
    steps = zip(program["ops"], program["seen"], strict=True)
    lines = [statement(number, op, seen["ret"]) for number, (op, seen) in enumerate(steps)]
    return "\n".join([f'scenario "{program["id"]}" {{', *lines, "}", ""])


# --- both sides in one form ----------------------------------------------------------------------------------


def each_page(runs: list[list[Any]], frame_number: Callable[[object], int], indexed: bool) -> list[Page]:
    found: list[Page] = []
    for page, count, kind, frame, exclusive, *rest in runs:
        index = rest[0] if indexed and rest else None
        for n in range(count):
            number = None if frame is None else frame_number(frame + n)
            found.append(Page(page + n, kind, number, bool(exclusive), None if index is None else index + n))
    return found


def recorded_state(state: Json, indexed: bool) -> dict[str, Process]:
    frames, names = Numbers(), Numbers()
    found: dict[str, Process] = {}
    for name, process in sorted(state.items()):
        anon_vmas = [
            None if vma["av"] is None else (*(names(n) for n in vma["av"][:3]), *vma["av"][3:], vma["avc"])
            for vma in process["vmas"]
        ]
        found[name] = Process(
            [(vma["s"], vma["e"], vma["prot"]) for vma in process["vmas"]],
            [vma["pgoff"] for vma in process["vmas"]],
            anon_vmas,
            each_page(process["pages"], frames, indexed),
        )
    return found


def traced_state(state: Json, indexed: bool) -> dict[str, Process]:
    frames, names = Numbers(), Numbers()
    renamed = {("P0" if name == "parent" else name): process for name, process in state["processes"].items()}
    found: dict[str, Process] = {}
    for name, process in sorted(renamed.items()):
        anon_vmas: list[tuple[int, ...] | None] = []
        for vma in process["vmas"]:
            if vma["anon_vma"] is None:
                anon_vmas.append(None)
                continue
            graph = state["anon_vmas"][vma["anon_vma"]]
            ids = (names(vma["anon_vma"]), names(graph["root"]), names(graph["parent"]))
            anon_vmas.append((*ids, graph["num_children"], graph["num_active_vmas"], vma["chain"]))
        found[name] = Process(
            [(vma["start"], vma["end"], vma["prot"]) for vma in process["vmas"]],
            [vma["pgoff"] for vma in process["vmas"]],
            anon_vmas,
            each_page(process["pages"], frames, indexed),
        )
    return found


def disagreement(program: Json, trace: Json, indexed: bool) -> str:
    """Where the model first leaves the record; empty if it follows it to the end."""
    for number, (op, seen) in enumerate(zip(program["ops"], program["seen"], strict=True)):
        if number == len(trace["steps"]):
            return f"step {number} {op}: not reached, the scenario ended as {trace['outcome']}"
        step = trace["steps"][number]
        if step["result"] != (seen["ret"] or "ok"):
            return f"step {number} {op}: the kernel said {seen['ret'] or 'ok'}, the model {step['result']}"
        kernel, model = recorded_state(seen["state"], indexed), traced_state(step["state"], indexed)
        if kernel.keys() != model.keys():
            return f"step {number} {op}: processes {sorted(kernel)} and {sorted(model)}"
        for name, process in kernel.items():
            for field, there, here in zip(Process._fields, process, model[name], strict=True):
                if there != here:
                    return f"step {number} {op}: {field} of {name}\n  kernel {there}\n  model  {here}"
    return ""


def replay(programs: list[Json], rules: str, path: Path) -> dict[str, Json]:
    """The traces of all programs, by title."""
    path.write_text("".join(map(scenario, programs)), encoding="utf-8")
    command = [sys.executable, "-m", "mremapdsl", "--rules", rules, "--trace", "json", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode in (0, 1), run.stderr
    return {trace["scenario"]: trace for trace in map(json.loads, run.stdout.splitlines())}


@pytest.mark.parametrize("name", RULES)
def test_every_recorded_program_goes_as_recorded(name: str, tmp_path: Path) -> None:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as stream:
        programs: list[Json] = [json.loads(line) for line in stream]
    traces = replay(programs, RULES[name], tmp_path / f"{name}.mrs")
    assert traces.keys() == {program["id"] for program in programs}
    indexed = name.startswith("relo")
    wrong = {program["id"]: disagreement(program, traces[program["id"]], indexed) for program in programs}
    wrong = {title: why for title, why in wrong.items() if why}
    excused = {title for title in CANNOT_AGREE if title.rpartition("-")[0] == name}
    assert wrong.keys() == excused, next((f"{title} {wrong[title]}" for title in wrong.keys() - excused), excused)


def blind(program: Json) -> bool:
    """Whether the record shows nothing where its own results say that something is mapped and written."""
    touched = any(
        op["op"] == "touch" and not seen["ret"] for op, seen in zip(program["ops"], program["seen"], strict=True)
    )
    shown = [vma for seen in program["seen"] for process in seen["state"].values() for vma in process["vmas"]]
    return touched and all(vma["s"] == 0 for vma in shown)


def test_the_excused_records_contradict_themselves() -> None:
    with gzip.open(DATA / "thp-1.jsonl.gz", "rt", encoding="utf-8") as stream:
        found = {program["id"] for program in map(json.loads, stream) if blind(program)}
    assert found == CANNOT_AGREE


@pytest.mark.parametrize("field", ["s", "prot", "pgoff", "num_children", "avc", "frame", "exclusive", "index", "ret"])
def test_one_wrong_value_in_a_record_is_noticed(field: str, tmp_path: Path) -> None:
    """The comparison itself: any value that is changed in the last state makes a program disagree."""
    with gzip.open(DATA / "relo-1.jsonl.gz", "rt", encoding="utf-8") as stream:
        programs: list[Json] = [json.loads(line) for line in stream]
    program = next(p for p in programs if p["seen"][-1]["ret"] == 0 and len(p["seen"][-1]["state"]["P0"]["pages"]) > 1)
    trace = replay([program], RULES["relo-1"], tmp_path / "one.mrs")[program["id"]]
    assert disagreement(program, trace, indexed=True) == ""
    last = program["seen"][-1]
    vma = next(vma for vma in last["state"]["P0"]["vmas"] if vma["av"])
    run, other = last["state"]["P0"]["pages"][:2]
    if field == "ret":
        last["ret"] = "EFAULT"
    elif field == "num_children":
        vma["av"][3] += 1
    elif field == "frame":
        run[3] = other[3]
    elif field == "exclusive":
        run[4] = not run[4]
    elif field == "index":
        run[5] += 1
    else:
        vma[field] = "---s" if field == "prot" else vma[field] + 1
    assert disagreement(program, trace, indexed=True)
