"""How Sphinx builds the manual: ``sphinx-build -W docs OUT``."""

from __future__ import annotations

from mremapdsl import __version__

project = "mremapdsl"
author = "The mremapdsl authors"
project_copyright = author
version = release = __version__

extensions = ["sphinx.ext.autodoc", "mremapdsl.sphinxext"]
nitpicky = True
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"mremapdsl {__version__}"
html_copy_source = False
html_show_sphinx = False
pygments_style = "mrs"
pygments_dark_style = "mrs-dark"
