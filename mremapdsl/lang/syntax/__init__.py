"""What the parser makes of a text: one record per construct, with its place in the text.

The fields of a record are the parts of the grammar rule of the same name (``touch`` -> :class:`Touch`) in
order, followed by ``start`` and ``end``, offsets into the text (half open).  Names are not looked up and
numbers not computed here.
"""

from mremapdsl.lang.syntax.expectations import *  # noqa: F403
from mremapdsl.lang.syntax.operations import *  # noqa: F403
from mremapdsl.lang.syntax.parts import *  # noqa: F403
from mremapdsl.lang.syntax.statements import *  # noqa: F403
