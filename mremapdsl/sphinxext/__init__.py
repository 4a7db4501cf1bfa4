"""A Sphinx extension: scenarios in documents, run when the documents are built.

    extensions = ["mremapdsl.sphinxext"]

``.. mrs:: FILE`` (or a text below it) runs scenarios and shows what its ``:show:`` names; a scenario that fails is a
warning with its line.  ``.. mrs-console::`` runs the command line and shows what it prints.  ``:mrs-mail:`` cites a
message by its Message-ID.  ``.. mrs-reason::`` and its like describe names of the model; ``:mrs-reason:`` and its like
lead there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mremapdsl import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

NAMES = {
    "mrs-reason": "reason",
    "mrs-rules": "rule set",
    "mrs-decision": "decision",
    "mrs-invariant": "invariant",
    "mrs-code": "diagnostic",
}
"""Kinds of names that documents describe, by directive and role -> what the index calls them."""


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register everything."""
    from mremapdsl.sphinxext import freshness, page
    from mremapdsl.sphinxext.console import ConsoleDirective
    from mremapdsl.sphinxext.directive import ScenarioDirective
    from mremapdsl.sphinxext.roles import MailRole, unknown_name
    from mremapdsl.tools.lexer import MrsLexer
    from mremapdsl.tools.trace_lexer import ConsoleLexer, TraceLexer

    app.add_directive("mrs", ScenarioDirective)
    app.add_directive("mrs-console", ConsoleDirective)
    app.add_role("mrs-mail", MailRole())
    for kind, what in NAMES.items():
        app.add_object_type(kind, kind, f"pair: %s; {what}", objname=what)
    app.add_lexer("mrs", MrsLexer)
    app.add_lexer("mrs-trace", TraceLexer)
    app.add_lexer("mrs-console", ConsoleLexer)
    app.add_config_value("mrs_rules", "", "env", (str,))
    app.connect("missing-reference", unknown_name)
    app.connect("builder-inited", page.write_style)
    app.connect("html-page-context", page.add_patterns)
    return {
        "version": __version__,
        "env_version": freshness.of_the_package(),
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
