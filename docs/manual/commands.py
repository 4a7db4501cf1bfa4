"""The reference of the command line, from the parsers of the commands themselves."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import import_module

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from manual.rst import heading, indented, inline
from mremapdsl.cli import COMMANDS, MODULES


def parser(name: str) -> argparse.ArgumentParser:
    """The parser of a command; of the program without one if the name is empty."""
    found = argparse.ArgumentParser(prog=f"mremapdsl {name}".rstrip(), allow_abbrev=False)
    import_module(f"mremapdsl.cli.{MODULES.get(name, name) if name else 'run'}").configure(found)
    return found


class Command(SphinxDirective):
    """What the program takes and does without a command."""

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes("".join(reference("")))


class Commands(SphinxDirective):
    """The same for each command."""

    def run(self) -> list[nodes.Node]:
        text = "".join(heading(f"mremapdsl {name}", "-") + "".join(reference(name)) for name in COMMANDS)
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def reference(name: str) -> Iterator[str]:
    """The description of a command and of each of its options."""
    made = parser(name)
    words = made.format_usage().removeprefix("usage: ").split()
    yield f".. program:: {made.prog}\n\n"
    if name:
        yield f"{inline(sentence(COMMANDS[name]))}\n\n"
    yield f".. code-block:: text\n\n{indented(wrapped(words))}\n"
    for action in made._actions:
        if action.help != argparse.SUPPRESS and action.dest != "help":
            yield f".. option:: {', '.join(spelled(action))}\n\n{indented(inline(helped(action, made)))}\n"
    if name and made.epilog:
        yield from (f"{inline(' '.join(part.split()))}\n\n" for part in made.epilog.split("\n\n"))


def spelled(action: argparse.Action) -> Iterator[str]:
    """How an option or an argument is written."""
    value = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if action.choices:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    if not action.option_strings:
        yield value
    for option in action.option_strings:
        yield option if action.nargs == 0 else f"{option} {value}"


def helped(action: argparse.Action, of: argparse.ArgumentParser) -> str:
    """Its help as a sentence."""
    values = {**vars(action), "prog": of.prog}
    return sentence((action.help or "") % values)


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."


def wrapped(words: list[str], width: int = 76) -> str:
    """A usage line within the width, its options kept whole."""
    pieces: list[str] = []
    depth = 0
    for word in words:
        if depth:
            pieces[-1] += f" {word}"
        else:
            pieces.append(word)
        depth += word.count("[") - word.count("]")
    lines = [""]
    for piece in pieces:
        if lines[-1] and len(lines[-1]) + 1 + len(piece) > width:
            lines.append("    " + piece)
        else:
            lines[-1] += f" {piece}" if lines[-1] else piece
    return "\n".join(lines)
