"""``.. mrs-console::``: commands, run when the document is built, with what they print."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from mremapdsl.sphinxext import parts
from mremapdsl.sphinxext.running import Unusable

if TYPE_CHECKING:
    from sphinx.util.typing import OptionSpec

PROMPT = "$ "
LONGEST = 120
"""Seconds that a command may take."""
logger = logging.getLogger(__name__)


class ConsoleDirective(SphinxDirective):
    """Run each line that begins with ``$ mremapdsl`` and show it with its output, both streams together.

    No shell is involved.  The commands run one after the other in an empty directory that holds links to what is in
    ``:from:`` (the folder of the document), so that what they write is gone afterwards.  ``:status:`` is the exit
    status that the last one must have (0; the others must have 0), ``:lines: 1-5, 20-`` are the lines of its output to
    show.
    """

    has_content = True
    option_spec: ClassVar[OptionSpec | None] = {
        "from": directives.unchanged_required,
        "status": directives.nonnegative_int,
        "lines": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        self.assert_has_content()
        commands = [line.strip() for line in self.content if line.strip()]
        try:
            text = "\n".join(self.session(commands))
        except (Unusable, OSError, subprocess.TimeoutExpired) as error:
            raise self.error(str(error)) from None
        return [parts.code(text, "mrs-console")]

    def session(self, commands: list[str]) -> Iterator[str]:
        """All commands and outputs. Raises Unusable, OSError, TimeoutExpired."""
        _, base = self.env.relfn2path(self.options.get("from", "."))
        with tempfile.TemporaryDirectory(prefix="mrs-console-") as scratch:
            for entry in os.listdir(base):
                os.symlink(os.path.join(base, entry), os.path.join(scratch, entry))
            for number, command in enumerate(commands, 1):
                words = self.words(command, base)
                last = number == len(commands)
                expected = self.options.get("status", 0) if last else 0
                status, output = execute(words, scratch)
                if status != expected:
                    self.env.note_reread()
                    message = f"`{command}` ended with status {status}, not {expected}:\n{output}"
                    logger.warning(message, location=self.get_location(), type="mrs", subtype="console")
                yield command
                yield from self.part(output.rstrip("\n").split("\n")) if output and last else output.splitlines()

    def words(self, command: str, base: str) -> list[str]:
        """The arguments of a command; files among them become dependencies. Raises Unusable."""
        try:
            program, *words = shlex.split(command.removeprefix(PROMPT))
        except ValueError as error:
            raise Unusable(f"`{command}`: {error}") from None
        if not command.startswith(PROMPT) or program != "mremapdsl":
            raise Unusable(f"`{command}` is no command: write `$ mremapdsl …`")
        for word in words:
            path = Path(base, word)
            for file in sorted(path.rglob("*.mrs")) if path.is_dir() else [path] if path.is_file() else []:
                self.env.note_dependency(str(file))
        return words

    def part(self, lines: list[str]) -> Iterator[str]:
        """The lines that are to be shown, with a mark where some are left out. Raises Unusable."""
        before = 0
        for word in self.options.get("lines", "1-").split(","):
            first, sign, last = word.strip().partition("-")
            try:
                start, end = int(first), int(last) if last else len(lines) if sign else int(first)
            except ValueError:
                raise Unusable(f"`{word.strip()}` are no lines: write 3, 2-4 or 20-") from None
            if not 0 < start <= end <= len(lines):
                raise Unusable(f"the output has {len(lines)} lines, not {word.strip()}")
            if start > before + 1:
                yield "…"
            yield from lines[start - 1 : end]
            before = end
        if before < len(lines):
            yield "…"


def execute(words: list[str], folder: str) -> tuple[int, str]:
    """Run the program; status and output."""
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run(
        [sys.executable, "-m", "mremapdsl", *words],
        cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=LONGEST, check=False,
    )  # fmt: skip
    return ran.returncode, ran.stdout.decode("utf-8", errors="replace")
