"""How Sphinx builds the manual: ``sphinx-build -W docs OUT``."""

from __future__ import annotations

import sys
from pathlib import Path

from mremapdsl import __version__

sys.path.insert(0, str(Path(__file__).parent))

project = "mremapdsl"
author = "The mremapdsl authors"
project_copyright = author
version = release = __version__

extensions = ["sphinx.ext.autodoc", "mremapdsl.sphinxext", "manual"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]  # types in signatures; what is documented is linked where it is named
exclude_patterns = ["_build"]
autodoc_member_order = "bysource"

html_theme = "furo"
plain = {"color-api-name": "var(--color-foreground-primary)", "color-api-pre-name": "var(--color-foreground-secondary)"}
html_theme_options = {"light_css_variables": plain, "dark_css_variables": plain}
html_title = f"mremapdsl {__version__}"
html_copy_source = False
html_show_sphinx = False
html_css_files = ["manual.css"]
html_static_path = ["static"]
pygments_style = "mrs"
pygments_dark_style = "mrs-dark"
