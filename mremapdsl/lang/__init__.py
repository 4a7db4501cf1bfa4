"""The scenario language: from the text of an ``.mrs`` file to plain data, or to what is wrong with it.

``compile_text`` does it all.  The language itself is defined by ``grammar/mrs.lark``; what words it has can be
asked with ``keywords``.
"""

from mremapdsl.lang.context import Vocabulary
from mremapdsl.lang.diagnostics import CODES, Code, Diagnostic
from mremapdsl.lang.front import Compiled, compile_text
from mremapdsl.lang.render import render
from mremapdsl.lang.words import keywords

__all__ = ["CODES", "Code", "Compiled", "Diagnostic", "Vocabulary", "compile_text", "keywords", "render"]
