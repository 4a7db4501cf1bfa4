"""The scenario language: from the text of an ``.mrs`` file to plain data, or to what is wrong with it.

``compile_text`` does it all, ``render`` shows what it found.  The language itself is defined by
``grammar/mrs.lark``; ``keywords`` lists its words.
"""

from typing import TYPE_CHECKING, Any

from mremapdsl.lang.context import Vocabulary
from mremapdsl.lang.diagnostics import CODES, Code, Diagnostic
from mremapdsl.lang.front import Compiled, compile_text

if TYPE_CHECKING:
    from mremapdsl.lang.rendering import render as render
    from mremapdsl.lang.words import keywords as keywords

__all__ = ["CODES", "Code", "Compiled", "Diagnostic", "Vocabulary", "compile_text", "keywords", "render"]


def __getattr__(name: str) -> Any:
    """Load what is seldom needed when it is."""
    if name == "render":
        from mremapdsl.lang.rendering import render

        return render
    if name == "keywords":
        from mremapdsl.lang.words import keywords

        return keywords
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
