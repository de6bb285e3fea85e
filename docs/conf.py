# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Sphinx for the site, which scripts/docs.py assembles and builds."""

from __future__ import annotations

from typing import Any

project = "cloudpeer.atlas"
author = "The cloudpeer.atlas maintainers"
# The footer has the licence; a year would have to be updated by hand.
html_show_copyright = False
html_show_sphinx = False

extensions = ["myst_parser", "sphinx_antsibull_ext"]
# Links to a heading of another page work as on a code host.
myst_heading_anchors = 3
nitpicky = True
highlight_language = "YAML+Jinja"
html_use_index = False
pygments_style = "ansible"

html_theme = "furo"
html_title = "cloudpeer.atlas"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "source_repository": "https://github.com/cloudpeer/atlas/",
    "source_branch": "main",
    "source_directory": "docs/",
    # Pages come from several folders, so a link to edit a page would have the wrong address.
    "top_of_page_buttons": [],
}

# Pages by antsibull-docs refer to these labels of Ansible's own documentation. Sphinx would have to download their addresses,
# and a build uses no network, so they become plain text; so do environment variables, which have no page. Any other unknown label
# is a mistake.
ANSIBLES_LABELS = {"action_plugins", "callback_plugins", "ansible_configuration_settings", "common_return_values"}


def _as_text(app: Any, environment: Any, node: Any, content: Any) -> Any:
    return content if node.get("reftype") == "envvar" or node.get("reftarget") in ANSIBLES_LABELS else None


def setup(app: Any) -> None:
    """Hook into the resolution of references."""
    app.connect("missing-reference", _as_text)
