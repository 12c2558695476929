"""How Sphinx builds the documentation; ``python docs/build.py`` calls it."""

import importlib.metadata
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

project = "tape_ad"
author = "The tape_ad developers"
copyright = "The tape_ad developers, MIT licence"
version = release = importlib.metadata.version("tape_ad")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "docs._extensions.reference",
]
exclude_patterns = ["_build", "_extensions", "reference/generated"]
nitpicky = True

# --- pages --------------------------------------------------------------------------------------------------------
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3
nb_execution_mode = "force"  # pictures are made in each build, by the library as it is
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

# --- reference ----------------------------------------------------------------------------------------------------
default_role = "py:obj"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
doctest_test_doctest_blocks = "default"

# --- how it looks -------------------------------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = f"tape_ad {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "logo": {"text": "tape_ad"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "show_prev_next": True,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_context = {"default_mode": "auto"}  # which the theme takes as well, but complains of in the console
html_sidebars = {"index": []}
html_show_sourcelink = False

# MathJax is copied in by the build; nothing is fetched when a page is read.
mathjax_path = "mathjax/tex-svg.js"
