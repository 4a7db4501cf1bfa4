"""Merge attempts in words: each condition, held or not, and the steps that set each side.

Steps are written as ``⟦n⟧`` (the n-th operation of the run); whoever knows the source puts its lines there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mremapdsl.backend import Note
from mremapdsl.model.decisions.merging import JoinAsk
from mremapdsl.model.merge import Ask, Attempt
from mremapdsl.model.reason import Why
from mremapdsl.model.reasons import REASONS, sentence
from mremapdsl.model.records import Vma, flag_names
from mremapdsl.model.rules import Rules


class Condition(NamedTuple):
    """One condition of a merge."""

    name: str
    """What must fit: flags, file, anon_vma, page offset."""
    against: str | None
    """The reason if it does not hold."""
    words: str
    """Both values, with the steps that set them."""


def conditions(rules: Rules, ask: Ask, target: Vma) -> Iterator[Condition]:
    """Every condition for the range to join ``target``, in the kernel's order."""
    new = ask.range
    differ = (target.flags ^ new.flags) & ~rules.flags_ignored
    words = "; ".join(_flags_words(new, target, differ)) if differ else "equal"
    yield Condition("flags", "flags-differ" if differ else None, words)
    same_file = target.file == new.file
    words = f"{new.file or 'none'} on both sides"
    if not same_file:
        words = f"{_file_words(new)} here, {_file_words(target)} there"
    yield Condition("file", None if same_file else "files-differ", words)
    against = rules.anon_vmas_join(JoinAsk(new.anon, ask.source, ask.copied_from, target), rules.fork_child)
    yield Condition("anon_vma", against, f"{_anon_words(new)} here, {_anon_words(target)} there")
    wanted, have = new.start + target.skew, new.start + new.skew
    words = f"{have} here{_by(new.origin.pgoff)}, {wanted} would continue the neighbour{_by(target.origin.pgoff)}"
    yield Condition("page offset", None if wanted == have else "pgoffs-do-not-continue", words)
    if new.file is not None and rules.private_file_index:
        against = None if target.anon_skew == new.anon_skew else "anon-pgoffs-do-not-continue"
        yield Condition(
            "anonymous page offset", against, f"{new.start + new.anon_skew} here, {new.start + target.anon_skew}"
        )


def _by(step: int) -> str:
    return f" (⟦{step}⟧)" if step else ""


def _flags_words(new: Vma, target: Vma, differ: int) -> Iterator[str]:
    here, there = flag_names(new.flags & differ), flag_names(target.flags & differ)
    if here:
        yield f"{', '.join(here)} only here{_by(new.origin.flags)}"
    if there:
        yield f"{', '.join(there)} only there{_by(target.origin.flags)}"


def _file_words(vma: Vma) -> str:
    return f"{vma.file or 'none'}{_by(vma.origin.file)}"


def _anon_words(vma: Vma) -> str:
    if not vma.anon:
        return "none"
    links = f", {len(vma.chain)} links" if len(vma.chain) > 1 else ""
    return f"av{vma.anon}{links}{_by(vma.origin.anon_vma)}"


def attempt_notes(rules: Rules, attempt: Attempt) -> Iterator[Note]:
    """What each side of a tried merge answered."""
    for side, target, against in (("left", attempt.prev, attempt.left), ("right", attempt.next, attempt.right)):
        if target is None:
            continue
        who = f"[{attempt.ask.range.start},{attempt.ask.range.end}) and [{target.start},{target.end}) on its {side}"
        if against is None:
            text = f"{who} are joined: flags, file, anon_vma and page offset fit"
            yield Note(f"joined-{side}", text, REASONS[f"joined-{side}"].function)
            continue
        failed: list[str] = []
        held: list[str] = []
        for condition in conditions(rules, attempt.ask, target):
            if condition.against:
                failed.append(f"{REASONS[condition.against].sentence}: {condition.words}")
            else:
                held.append(condition.name)
        if against == "neighbours-differ":
            failed.append(REASONS[against].sentence)
        fits = f" ({', '.join(held)} would fit)" if held else ""
        yield Note(against, f"{who} stay apart: {'; '.join(failed)}{fits}", REASONS[against].function)


def notes(rules: Rules, events: list[Why | Attempt]) -> tuple[Note, ...]:
    """All that was decided on the way, in order."""
    found: list[Note] = []
    for event in events:
        if isinstance(event, Why):
            found.append(Note(event.reason, sentence(event), REASONS[event.reason].function))
        else:
            found.extend(attempt_notes(rules, event))
    return tuple(found)


def apart(rules: Rules, left: Vma, right: Vma) -> Iterator[Note]:
    """Why two VMAs are not one: whether they touch, then every condition for the right one to join the left one."""
    if left.end != right.start:
        gap = f"[{left.start},{left.end}) and [{right.start},{right.end}) are {right.start - left.end} page(s) apart"
        yield Note("no-neighbour", f"they do not touch: {gap}", REASONS["no-neighbour"].function)
    for condition in conditions(rules, Ask(right, source=right), left):
        if condition.against is None:
            yield Note("fits", f"{condition.name}: fits ({condition.words})", REASONS["joined-left"].function)
        else:
            reason = REASONS[condition.against]
            text = f"{condition.name}: {reason.sentence}: {condition.words}"
            of_file = condition.name == "page offset" and right.file is not None
            remedy = "map the part of the file that continues" if of_file else reason.remedy
            text += f" (to join them: {remedy})" if remedy else ""
            yield Note(condition.against, text, reason.function)
