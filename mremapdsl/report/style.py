"""The style and the script of a site: files of this package, and what the colours of pictures and source add."""

from __future__ import annotations

import os

from mremapdsl.pictures import theme
from mremapdsl.report import code

LIGHT = {"link": "#0b4f9e", "mark": "#fff3c4"}
DARK = {"link": "#7cb7ff", "mark": "#453810"}
"""Colours of pages beside those of pictures."""


def asset(name: str) -> str:
    """A file beside this module."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "assets", name)
    with open(path, encoding="utf-8") as stream:
        return stream.read()


def variables(colors: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colors.items())


def style() -> str:
    """The style sheet. Print is light whatever the screen is."""
    dark = "screen and (prefers-color-scheme:dark)"
    light, night = variables(theme.LIGHT | LIGHT), variables(theme.DARK | DARK)
    scheme = f":root{{color-scheme:light dark;{light}}}\n@media {dark}{{:root{{{night}}}}}\n"
    pictures = theme.STYLE.replace("@media (prefers-color-scheme:dark)", f"@media {dark}")
    return scheme + asset("report.css") + pictures + code.style()


def script() -> str:
    """The script."""
    return asset("report.js")
