# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that choose several projects."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of ArgumentSpec PROJECTS."""

    DOCUMENTATION = r"""
options:
  group_ids:
    description:
      - The ids of several Atlas projects, in place of O(group_id). They are read side by side. One that is named twice is read
        once.
      - O(group_ids), O(project_names) and O(org_id) narrow each other. The list of all projects that the credentials can see is
        read for them, with one request.
      - If a project cannot be read, the task fails after the others have been read, and the result says why for each.
      - Mutually exclusive with O(group_id) and O(project_name) within a task. What the task itself sets takes precedence over
        C(module_defaults) and the environment.
    type: list
    elements: str
    aliases: [project_ids]
    version_added: 3.1.0
  project_names:
    description:
      - The names of several Atlas projects, or patterns with V(*) for any characters and V(?) for one. V(shop) does not
        fit a project V(Shop).
      - A pattern that fits no project is a failure.
    type: list
    elements: str
    version_added: 3.1.0
  org_id:
    description:
      - The id of an organization, whose projects are read, as far as the credentials can see them.
    type: str
    version_added: 3.1.0
"""
