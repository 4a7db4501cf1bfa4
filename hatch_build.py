"""Build hook: make the parse tables, for wheels and for editable installs alike."""

from __future__ import annotations

import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface[Any]):
    """Writes ``mremapdsl/lang/_tables.bin`` from ``grammar/mrs.lark``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        sys.path.insert(0, self.root)
        try:
            from mremapdsl.lang.generate import write
        finally:
            sys.path.remove(self.root)
        build_data["artifacts"].append("/" + write().removeprefix(self.root).lstrip("/\\").replace("\\", "/"))
