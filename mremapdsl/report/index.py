"""The index: all scenarios by topic, with their outcomes, and a filter."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mremapdsl.report.html import OUTCOMES, Html, badge, el, hidden, join, page, safe


class File(NamedTuple):
    """A file with several scenarios; without a title, one that is its only scenario."""

    name: str
    title: Html
    address: str
    summary: Html


class Entry(NamedTuple):
    """A scenario, or a file that could not be used."""

    topic: str
    file: File
    place: str
    """File and line."""
    title: Html
    address: str
    """Of its page; empty for a file that could not be used."""
    summary: Html
    outcome: str
    """The worst of its runs."""
    runs: tuple[tuple[str, str], ...]
    """(rules, outcome)"""
    steps: int
    parting: int = 0
    """The first step at which its rule sets do not do the same; 0 if there is none."""
    problem: str = ""
    """What is wrong with a file that could not be used."""


def index_page(entries: Sequence[Entry], title: str) -> str:
    """The whole page."""
    topics: dict[str, list[Entry]] = {}
    for entry in entries:
        topics.setdefault(entry.topic, []).append(entry)
    runs = outcomes(entries)
    unusable = sum(not entry.address for entry in entries)
    rules = dict.fromkeys(rules for entry in entries for rules, _ in entry.runs)
    said = f"{len(entries) - unusable} scenarios, {sum(runs.values())} runs under {len(rules)} rule sets: "
    ways = [el("li", el("a", name or "scenarios", href=f"#{topic_id(name)}"), f" {len(listed)}", *worst(listed))
            for name, listed in topics.items()]  # fmt: skip
    content = [
        el("h1", title),
        el("p", said, *tallies(runs), parted(entries), class_="totals"),
        el("p", f"{unusable} file(s) could not be used.", class_="breach bad") if unusable else "",
        el("nav", el("ul", *ways), class_="topics", aria_label="Topics") if len(ways) > 1 else "",
        filter_form(entries),
        *(topic_section(topic, listed) for topic, listed in topics.items()),
    ]
    return page(title, [], join(content), root="", kind="index")


def outcomes(entries: Sequence[Entry]) -> Counter[str]:
    """How many runs had which outcome."""
    return Counter(outcome for entry in entries for _, outcome in entry.runs)


def parted(entries: Sequence[Entry]) -> str:
    """In how many scenarios rule sets part."""
    number = sum(entry.parting > 0 for entry in entries)
    return f" Rule sets part in {number}: “parting” finds them." if number else ""


def worst(entries: Sequence[Entry]) -> list[Html]:
    """What did not pass, as badges."""
    seen = outcomes(entries)
    bad = [o for o in ("failed", "error") if seen[o] or any(e.outcome == o and not e.runs for e in entries)]
    return [part for o in bad for part in (Html(" "), badge(o))]


def topic_id(topic: str) -> str:
    return "topic-" + (re.sub(r"[^A-Za-z0-9]+", "-", topic) or "scenarios")


def tallies(seen: Mapping[str, int]) -> list[Html]:
    """Badges with numbers."""
    found = [badge(outcome, f"{seen[outcome]} {word}") for outcome, (_, word) in OUTCOMES.items() if seen.get(outcome)]
    return [part for one in found for part in (one, Html(" "))] or [Html("nothing ran")]


def filter_form(entries: Sequence[Entry]) -> Html:
    """What narrows the list; without a script it is not shown."""
    present = {outcome for entry in entries for outcome in (entry.outcome, *(o for _, o in entry.runs))}
    options = [el("option", "any outcome", value="")]
    options += [el("option", word, value=outcome) for outcome, (_, word) in OUTCOMES.items() if outcome in present]
    words = el("input", type="search", id="words", placeholder="words, file, rule set", autocomplete="off",
               spellcheck="false")  # fmt: skip
    return el(
        "form",
        el("label", "Filter ", words),
        el("label", hidden("Outcome "), el("select", *options, id="outcome")),
        el("p", "", id="matches", role="status", aria_live="polite"),
        class_="filter", role="search",
    )  # fmt: skip


def topic_section(topic: str, entries: Sequence[Entry]) -> Html:
    """One topic: its files."""
    name = topic or "scenarios"
    files: dict[str, list[Entry]] = {}
    for entry in entries:
        files.setdefault(entry.file.name, []).append(entry)
    head = el("h2", name, " ", el("span", *tallies(outcomes(entries)), class_="tally"))
    cards = [card(listed) for listed in files.values()]
    own = topic_id(topic)
    return el("section", head, el("div", *cards, class_="cards"), class_="topic", id=own, aria_label=name)


def card(entries: Sequence[Entry]) -> Html:
    """One file with its scenarios."""
    file = entries[0].file
    if not file.title:
        return el("div", *(alone(entry) for entry in entries), class_="card")
    items = [
        el("li", el("a", entry.title, href=entry.address), " ", *ran(entry), class_="entry", **facts(entry))
        for entry in entries
    ]
    return el(
        "div",
        el("h3", el("a", file.title, href=file.address)),
        el("p", file.summary, class_="summary") if file.summary else "",
        el("ul", *items),
        el("p", el("code", file.name), class_="from"),
        class_="card",
    )


def alone(entry: Entry) -> Html:
    """The only scenario of a file, or a file that could not be used."""
    if not entry.address:
        head = el("h3", el("code", entry.place), " ", badge("error", "could not be used"))
        return el("div", head, el("pre", entry.problem, tabindex="0"), class_="entry", **facts(entry))
    return el(
        "div",
        el("h3", el("a", entry.title, href=entry.address)),
        el("p", *ran(entry), class_="ran"),
        el("p", entry.summary, class_="summary") if entry.summary else "",
        el("p", el("code", entry.place), class_="from"),
        class_="entry",
        **facts(entry),
    )


def facts(entry: Entry) -> dict[str, str]:
    """What the filter looks at beside the words that are shown."""
    outcome = " ".join(dict.fromkeys((entry.outcome, *(outcome for _, outcome in entry.runs))))
    return {"data_outcome": outcome, "data_words": " ".join(rules for rules, _ in entry.runs)}


def ran(entry: Entry) -> list[Html]:
    """The outcomes of a scenario: all at once where they are alike."""
    if len({outcome for _, outcome in entry.runs}) == 1:
        names = ", ".join(rules for rules, _ in entry.runs)
        number = len(entry.runs)
        under = names if number == 1 else f"{number} rule sets"
        more = hidden(f": {names}") if number > 1 else Html()
        parting = el("span", f", parting at step {entry.parting}", class_="parting") if entry.parting else ""
        return [sign(entry.outcome), el("span", f" {under}", more, class_="under", title=names), safe(parting)]
    return [part for rules, outcome in entry.runs for part in (sign(outcome), el("span", f" {rules} ", class_="under"))]


def sign(outcome: str) -> Html:
    """An outcome in a list where most are alike: one that is as it should be takes little room."""
    if outcome != "passed":
        return badge(outcome)
    mark, word = OUTCOMES[outcome]
    return el("span", el("span", mark, aria_hidden="true"), hidden(word), class_="good")
