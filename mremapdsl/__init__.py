"""A scenario language and an executable model of Linux anonymous memory.

The Python interface is :mod:`mremapdsl.api`; its names can be taken from here.  They are loaded when first used,
so that importing this package costs next to nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mremapdsl.api import CompileError as CompileError
    from mremapdsl.api import compile as compile  # noqa: A004
    from mremapdsl.api import rule_names as rule_names
    from mremapdsl.api import rules as rules
    from mremapdsl.api import run as run

__version__ = "0.1.0"
__all__ = ["CompileError", "__version__", "compile", "rule_names", "rules", "run"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from mremapdsl import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
