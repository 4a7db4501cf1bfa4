"""What this manual takes from the program: pages of examples, the grammar, the model's names, the command line."""

from __future__ import annotations

from sphinx.application import Sphinx

from manual import commands, directives, pages


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives, and write the pages of examples before Sphinx looks for pages."""
    app.add_directive("grammar", directives.Grammar)
    app.add_directive("reasons", directives.Reasons)
    app.add_directive("rule-sets", directives.RuleSets)
    app.add_directive("decisions", directives.Decisions)
    app.add_directive("invariants", directives.Invariants)
    app.add_directive("diagnostics", directives.Diagnostics)
    app.add_directive("command", commands.Command)
    app.add_directive("commands", commands.Commands)
    app.add_directive("example-list", directives.ExampleList)
    app.add_directive("markdown", directives.Markdown)
    app.connect("builder-inited", pages.write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
