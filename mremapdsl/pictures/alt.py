"""Pictures in words, for those who do not see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from mremapdsl.pictures.scene import Panel, Scene
from mremapdsl.trace.words import anon_vma_lines, loop_words, run_words, vma_change_words, vma_words

Item = TypeVar("Item")
MOST = 12
"""Things of a kind that a description lists."""


def statement(scene: Scene) -> str:
    """The step as written, with who does it and with what result."""
    step = scene.step
    many = len(scene.panels) > 1 or step.process != "parent"
    prefix = f"{step.process}: " if many else ""
    return f"{prefix}{step.step.text}{loop_words(step.step.loop)} = {step.result}"


def description(scene: Scene) -> str:
    """What the picture shows, process by process, and what changed."""
    lines = [line for panel in scene.panels for line in panel_lines(panel)]
    lines += [f"anon_vma changes: {line}." for line in limited(list(anon_vma_lines(scene.change.anon_vmas)))]
    verdict = scene.step.verdict
    if verdict is not None:
        lines.append(f"Verdict: {verdict.outcome}, {verdict.sentence} [{verdict.reason}].")
    lines += [f"Invariant {breach.invariant} is broken: {breach.sentence}." for breach in scene.step.breaches]
    return " ".join(lines)


def panel_lines(panel: Panel) -> Iterator[str]:
    if panel.gone:
        yield f"Process {panel.name} is gone."
        return
    born = ", new in this step" if panel.born else ""
    yield f"Process {panel.name}{born}: {len(panel.boxes)} VMA(s)."
    for box in limited(list(panel.boxes)):
        if isinstance(box, str):
            yield f"{box}."
            continue
        change = ""
        if box.changed and not panel.born:
            change = " (changed: " + vma_change_words(box.old.vma, box.known.vma) + ")" if box.old else " (new)"
        yield f"VMA {box.letter} {vma_words(box.known.vma)}{change}."
    if panel.moved:
        yield f"Pages [{panel.moved.start},{panel.moved.end}) moved to {panel.moved.to}."
    if panel.asked:
        result, (start, end), target = panel.asked
        yield f"Failed with {result}: pages [{start},{end})" + (f" to [{target[0]},{target[1]})." if target else ".")
    for run in limited(list(panel.runs)):
        yield f"{run}." if isinstance(run, str) else f"Pages [{run.page},{run.page + run.count}): {run_words(run)}."


def limited(items: list[Item]) -> list[Item | str]:
    """The first items, and how many are left out."""
    rest = len(items) - MOST
    return [*items[:MOST], f"and {rest} more"] if rest > 1 else list(items)
