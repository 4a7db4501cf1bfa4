"""Colours and patterns. Each colour of an anon_vma comes with a pattern and a name, so that none is needed alone.

Classes are short: a report holds many pictures.  ``m`` is the picture itself.
"""

from __future__ import annotations

from functools import cache

COLORS = ("#0072b2", "#00906a", "#8656c4", "#c04f8a", "#76831f", "#2f96c4", "#94683e", "#66788a")
"""For anon_vmas; readable as a stripe on light and dark ground, and none like the accent of what changed."""
PATTERNS = (
    "",
    '<path d="M-1 7L7 -1M3 9L9 3M-3 3L3 -3"/>',
    '<path d="M-1 -1L9 9M-3 3L3 9M3 -3L9 3"/>',
    '<path d="M2 0V8M6 0V8"/>',
    '<path d="M0 4H8"/>',
    '<path d="M0 0L8 8M8 0L0 8"/>',
    '<circle cx="2" cy="2" r="1.3"/><circle cx="6" cy="6" r="1.3"/>',
)
FONT = 'ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace'

SHAPES = f"""\
.m{{font:12px {FONT};background:var(--none)}}
.m text{{fill:currentColor;white-space:pre}}
.m .s{{font-size:11px}}.m .h{{font-size:14px;font-weight:700}}
.m .mi{{text-anchor:middle}}.m .e{{text-anchor:end}}
.m .b{{font-weight:700}}.m .i{{font-style:italic}}
.m path{{fill:none}}
.m .v{{stroke-width:1.2}}.m .vu{{stroke-width:1.2;stroke-dasharray:4 3}}
.m .c{{stroke-width:2.6}}
.m .gh{{stroke-width:1;stroke-dasharray:2 3;fill:none}}
.m .bv{{stroke-width:1}}.m .bu{{stroke-width:1;stroke-dasharray:3 2}}
.m .bg{{stroke-width:1;stroke-dasharray:2 3}}
.m .ru,.m .tk{{stroke-width:1}}
.m .gr{{stroke-width:1;stroke-dasharray:1 4}}
.m .mv{{stroke-width:2.2}}.m .hm{{stroke-width:1.2;stroke-dasharray:5 3}}
.m .rm{{stroke-width:1.6;stroke-dasharray:4 3}}.m .rf{{stroke-width:1.2;stroke-dasharray:4 3}}
.m .pg{{stroke-width:1}}.m .sh{{stroke-width:2.4}}
.m .rb{{stroke-width:.8;fill-opacity:.09;stroke-opacity:.5}}
.m .br{{stroke-width:2.6}}.m .bc{{stroke-width:1;stroke-opacity:.6}}
.m .lk{{stroke-width:1.3}}.m .tr{{stroke-width:1.2}}
""".replace("background:var(--none)", "")


def scheme(colors: dict[str, str]) -> str:
    """The rules of one colour scheme."""
    c = colors
    return f"""\
.m{{color:{c["text"]}}}
.m .g{{fill:{c["ground"]}}}
.m .q{{fill:{c["quiet"]}}}
.m .k{{fill:{c["accent"]}}}
.m .x{{fill:{c["bad"]}}}
.m .o{{fill:{c["good"]}}}
.m .v,.m .vu{{stroke:{c["line"]};fill:{c["box"]}}}
.m .vn{{stroke:{c["line"]};fill:none}}
.m .c{{stroke:{c["accent"]}}}
.m .gh{{stroke:{c["quiet"]}}}
.m .bv,.m .bu{{stroke:{c["quiet"]};fill:{c["faint"]}}}
.m .bg{{stroke:{c["quiet"]};fill:none}}
.m .ru,.m .tk{{stroke:{c["quiet"]}}}
.m .gr{{stroke:{c["grid"]}}}
.m .fo{{fill:{c["ground"]}}}
.m .mv{{stroke:{c["accent"]}}}.m .mh{{fill:{c["accent"]}}}
.m .rm{{stroke:{c["bad"]}}}.m .rh{{fill:{c["bad"]}}}.m .rf{{stroke:{c["bad"]};fill:none}}
.m .hm{{stroke:{c["quiet"]}}}.m .hh{{fill:{c["quiet"]}}}
.m .pg{{stroke:{c["line"]};fill:{c["page"]}}}
.m .pk{{stroke:{c["line"]};fill:{c["ksm"]}}}
.m .pn{{stroke:{c["line"]};fill:{c["ground"]};stroke-dasharray:3 2}}
.m .pc{{fill:none;stroke:{c["accent"]};stroke-width:2.2}}
.m .ct{{stroke:{c["cells"]};stroke-width:1}}
.m .sh{{stroke:{c["line"]}}}
.m .rb{{fill:{c["line"]};stroke:{c["line"]}}}
.m .br,.m .bc{{stroke:{c["bad"]}}}
.m .lk{{stroke:{c["line"]}}}.m .tr{{stroke:{c["quiet"]}}}
.m .ht path,.m .ht circle{{stroke:{c["ground"]};fill:none;stroke-width:1.6}}.m .ht circle{{fill:{c["ground"]}}}
.m .hp path{{stroke:{c["cells"]};stroke-width:1.2}}
.m .bx{{fill:{c["badbox"]};stroke:{c["bad"]}}}
"""


LIGHT = {
    "text": "#1f2328", "ground": "#ffffff", "quiet": "#59636e", "accent": "#a63f08", "bad": "#b3201a",
    "good": "#22652f", "line": "#3b444d", "box": "#f2f4f7", "faint": "#f6f7f9", "grid": "#b8c0c8", "page": "#dde5ee",
    "ksm": "#eadcf3", "cells": "#a3afbb", "badbox": "#fdecea",
}  # fmt: skip
DARK = {
    "text": "#e6edf3", "ground": "#0d1117", "quiet": "#9aa6b2", "accent": "#ffa45c", "bad": "#ff8f87",
    "good": "#86d993", "line": "#aab4be", "box": "#1c232c", "faint": "#151b22", "grid": "#3d4751", "page": "#2b3846",
    "ksm": "#43305a", "cells": "#5c6975", "badbox": "#3a1715",
}  # fmt: skip
STYLE = SHAPES + scheme(LIGHT) + "@media (prefers-color-scheme:dark){\n" + scheme(DARK) + "}\n"
"""For the picture itself, or once for a page with embedded pictures."""


@cache
def patterns() -> str:
    """The definitions that pictures refer to: a pattern for each way to hatch."""
    hatches = "".join(
        f'<pattern id="m-h{i}" class="ht" width="8" height="8" patternUnits="userSpaceOnUse">{shape}</pattern>'
        for i, shape in enumerate(PATTERNS)
        if shape
    )
    swap = '<pattern id="m-s" class="hp" width="6" height="6" patternUnits="userSpaceOnUse">'
    swap += '<path d="M-1 1L1 -1M0 6L6 0M5 7L7 5"/></pattern>'
    moving = '<pattern id="m-m" class="hp" width="6" height="6" patternUnits="userSpaceOnUse">'
    moving += '<path d="M0 3H4"/></pattern>'
    return f"<defs>{hatches}{swap}{moving}</defs>"


def color(name: str) -> str:
    """The colour of an anon_vma, as an attribute."""
    return f'fill="{COLORS[_number(name) % len(COLORS)]}"'


def hatch(name: str) -> str:
    """The pattern of an anon_vma, as an attribute; empty for the plain one."""
    i = _number(name) % len(PATTERNS)
    return f'fill="url(#m-h{i})"' if PATTERNS[i] else ""


def _number(name: str) -> int:
    digits = "".join(c for c in name if c.isdigit())
    return int(digits[:9] or sum(map(ord, name))) - 1 if name else 0
