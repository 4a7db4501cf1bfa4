"""What pages with pictures have once: the style, and the patterns that pictures refer to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes

from mremapdsl.pictures import theme

if TYPE_CHECKING:
    from sphinx.application import Sphinx

NAME = "mrs.css"
STYLE = f"""\
{theme.SHAPES}{theme.scheme(theme.LIGHT)}
@media screen and (prefers-color-scheme:dark){{body:not([data-theme="light"]){{{theme.scheme(theme.DARK)}}}}}
@media screen{{body[data-theme="dark"]{{{theme.scheme(theme.DARK)}}}}}
.m.defs{{position:absolute}}
.mrs-picture{{overflow-x:auto;margin:.6rem 0}}
.mrs-picture svg{{display:block;max-width:100%;height:auto}}
.mrs-picture.narrow{{display:none}}
@media screen and (max-width:32em){{.mrs-picture.narrow{{display:block}}.mrs-picture.wide{{display:none}}}}
@media print{{.mrs-step,.mrs-picture{{break-after:avoid}}.mrs-picture{{break-inside:avoid}}}}
.mrs-step,.mrs-run{{margin-bottom:.2rem}}
.mrs-caption{{font-weight:600;margin-bottom:.3rem}}
table.mrs-outcomes{{width:auto;margin-left:0}}
table.mrs-outcomes td p,table.mrs-outcomes th p{{text-align:left}}
table.mrs-outcomes code .pre{{white-space:normal}}
table.mrs-outcomes td:first-child{{min-width:8rem;overflow-wrap:anywhere}}
"""
"""Pictures follow the reader's scheme, and the switch of themes that have one (``data-theme`` of the body)."""


def write_style(app: Sphinx) -> None:
    """An event of Sphinx: put the style sheet where pages of HTML find it."""
    if app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME).write_text(STYLE, encoding="utf-8")
    app.add_css_file(NAME)


def add_patterns(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: nodes.document) -> None:
    """An event of Sphinx: add the patterns to a page that shows pictures."""
    body = context.get("body") or ""
    if '<div class="mrs-picture' in body:
        shared = f'<svg class="m defs" width="0" height="0" aria-hidden="true">{theme.patterns()}</svg>'
        context["body"] = f"{body}{shared}"
