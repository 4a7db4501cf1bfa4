"""HTML text: elements whose content is escaped unless it is HTML already, and the frame of every page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from mremapdsl import __version__
from mremapdsl.pictures.canvas import escape
from mremapdsl.pictures.theme import patterns

FOOTER = (
    f"Made by mremapdsl {__version__} from the scenarios shown. No script, style or picture is loaded from elsewhere."
)
VOID = frozenset(("input", "link", "meta", "br", "hr"))
Attribute: TypeAlias = "str | int | bool | None"


class Html(str):
    """Text that is HTML."""

    __slots__ = ()


EMPTY = Html()


def safe(text: str) -> Html:
    """Text as HTML: as it is if it is that already, else escaped."""
    return text if isinstance(text, Html) else Html(escape(text))


def join(parts: Iterable[str], between: str = "") -> Html:
    """The parts one after the other."""
    return Html(safe(between).join(safe(part) for part in parts))


def el(name: str, /, *content: str, **attributes: Attribute) -> Html:
    """An element. ``class_`` is ``class``, ``aria_label`` is ``aria-label``; None and False leave an attribute out."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{''.join(map(safe, content))}</{name}>")


def hidden(text: str) -> Html:
    """Text for those who listen."""
    return el("span", text, class_="unseen")


OUTCOMES = {
    "passed": ("✓", "passed"),
    "failed": ("✗", "failed"),
    "error": ("!", "in error"),
    "skipped": ("–", "skipped"),
}


def badge(outcome: str, text: str = "") -> Html:
    """An outcome: a sign, and in words what it means."""
    sign, word = OUTCOMES[outcome]
    return el("span", el("span", sign, aria_hidden="true"), " ", text or word, class_=f"badge {outcome}")


def page(title: str, crumbs: Iterable[tuple[str, str]], content: str, *, root: str, kind: str) -> str:
    """A whole page. ``crumbs`` are (text, address) from the index down, ``root`` leads back to the index's folder."""
    trail = [el("li", el("a", text, href=address) if address else text) for text, address in crumbs]
    head = join([
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="generator", content=f"mremapdsl {__version__}"),
        el("title", title),
        el("link", rel="icon", href="data:,"),
        el("link", rel="stylesheet", href=f"{root}assets/report.css"),
        el("script", Html("document.documentElement.className='js'")),
        el("script", src=f"{root}assets/report.js", defer=True),
    ])  # fmt: skip
    shared = Html(f'<svg class="m defs" width="0" height="0" aria-hidden="true">{patterns()}</svg>')
    body = join([
        el("a", "Skip to the content", class_="skip", href="#content"),
        el("header", el("nav", el("ol", *trail), aria_label="Where this page is"), class_="top") if trail else EMPTY,
        el("main", content, id="content", tabindex="-1"),
        el("footer", el("p", FOOTER)),
        shared,
    ])  # fmt: skip
    html = el("html", el("head", head), el("body", body, class_=kind), lang="en")
    return f"<!DOCTYPE html>\n{html}\n"
