"""Roles: citations of the mailing lists, and names of the model that a document may describe elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import ReferenceRole

from mremapdsl.trace.markdown import address

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

OPTIONAL = "mrs-optional"
"""Marks a reference that is plain text where nothing describes the name."""


class MailRole(ReferenceRole):
    """``:mrs-mail:`MESSAGE-ID``` or ``:mrs-mail:`text <MESSAGE-ID>```: a message in the public archive."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        message = self.target.removeprefix("@").removeprefix("<").removesuffix(">")
        text = self.title if self.has_explicit_title else message
        return [nodes.reference(self.rawtext, text, refuri=address(message), internal=False)], []


def name(kind: str, text: str) -> nodes.Node:
    """A name of the model, leading to its description if there is one; kinds as in ``mremapdsl.sphinxext.NAMES``."""
    reference = addnodes.pending_xref(
        "", nodes.literal(text, text, classes=[kind]), refdomain="std", reftype=kind, reftarget=text
    )
    reference[OPTIONAL] = True
    return reference


def unknown_name(
    _app: Sphinx, _env: BuildEnvironment, node: addnodes.pending_xref, text: nodes.TextElement
) -> nodes.TextElement | None:
    """An event of Sphinx: what stands in the place of a reference that leads nowhere."""
    return text if node.get(OPTIONAL) else None
