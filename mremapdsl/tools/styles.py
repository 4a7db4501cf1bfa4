"""Pygments styles that tell all tokens of a scenario apart: ``mrs`` for light, ``mrs-dark`` for dark backgrounds.

Every colour has a contrast of at least 4.5 to 1; what matters most (faulted or not, refused or not) differs in weight
as well, for those who see no colours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pygments.style import Style
from pygments.token import Comment, Error, Generic, Keyword, Name, Number, Operator, Punctuation, String, Token

from mremapdsl.tools import lexer
from mremapdsl.tools.pygments_parts import TokenType

ROLES: dict[TokenType, str] = {
    Token: "text",
    Punctuation: "quiet",
    lexer.POINT: "number",
    Operator: "quiet",
    Operator.Word: "bold structure",
    lexer.CALL: "bold call",
    lexer.STRUCTURE: "bold structure",
    lexer.CHECK: "bold structure",
    lexer.WHERE: "nobold quiet",
    lexer.PROTECTION: "nobold word",
    lexer.CHOICE: "nobold word",
    lexer.PREDICATE: "predicate",
    lexer.FLAG: "bold flag",
    lexer.ADVICE: "nobold flag",
    lexer.ERRNO: "bold bad",
    lexer.PLACE: "text",
    lexer.CONSTANT: "number",
    lexer.PROCESS: "italic good",
    lexer.RULES: "rules",
    lexer.DECISION: "rules",
    lexer.REASON: "flag",
    lexer.ATTRIBUTE: "predicate",
    Number: "number",
    String: "good",
    lexer.FAULTED: "bold faulted",
    lexer.UNFAULTED: "nobold unfaulted",
    lexer.UNMAPPED: "quiet",
    lexer.PROSE: "noitalic prose",
    Comment: "italic quiet",
    Comment.Special: "noitalic quiet",
    lexer.CITATION: "underline call",
    Generic.Heading: "bold text",
    Generic.Subheading: "bold text",
    Generic.Strong: "bold",
    Generic.Emph: "italic",
    Generic.Inserted: "bold good",
    Generic.Deleted: "quiet",
    Generic.Error: "bold bad",
    Keyword.Constant: "nobold word",
    Name.Tag: "predicate",
    Error: "underline bad",
}
LIGHT = {
    "text": "#1f2328", "quiet": "#59636e", "call": "#0b4f9e", "structure": "#6a2c9c", "word": "#00665a",
    "predicate": "#0a5f6b", "flag": "#93370d", "bad": "#b3201a", "number": "#7a4a00", "good": "#22652f",
    "rules": "#5a3f99", "faulted": "#0a5f6b", "unfaulted": "#59636e", "prose": "#3b444d",
}  # fmt: skip
DARK = {
    "text": "#e6edf3", "quiet": "#9aa6b2", "call": "#7cb7ff", "structure": "#d2a8ff", "word": "#6fd6c0",
    "predicate": "#76d3e0", "flag": "#ffa873", "bad": "#ff8f87", "number": "#e8b967", "good": "#86d993",
    "rules": "#b9a5f5", "faulted": "#76d3e0", "unfaulted": "#9aa6b2", "prose": "#c3ccd5",
}  # fmt: skip


def styled(colors: dict[str, str]) -> dict[TokenType, str]:
    """The rules of a style: roles replaced by these colours."""
    return {token: " ".join(colors.get(word, word) for word in role.split()) for token, role in ROLES.items()}


class MrsStyle(Style):
    """For light backgrounds."""

    name = "mrs"
    background_color = "#f6f8fa"
    highlight_color = "#fff3c4"
    line_number_color = LIGHT["quiet"]
    styles: ClassVar[Mapping[TokenType, str]] = styled(LIGHT)


class MrsDarkStyle(Style):
    """For dark backgrounds."""

    name = "mrs-dark"
    background_color = "#161b22"
    highlight_color = "#453810"
    line_number_color = DARK["quiet"]
    styles: ClassVar[Mapping[TokenType, str]] = styled(DARK)
