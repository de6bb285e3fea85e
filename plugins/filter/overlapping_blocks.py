# Copyright (c) The cloudpeer.atlas maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds CIDR blocks that overlap."""

from __future__ import annotations

DOCUMENTATION = r"""
name: overlapping_blocks
short_description: Find CIDR blocks that overlap
version_added: 3.1.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Returns the pairs of blocks of a list that overlap, such as those of network containers of an organization. A route
    table of a VPC leads to only one of two networks with the same addresses.
  - Blocks are IPv4, and are written in canonical form, without host bits.
options:
  _input:
    description: The blocks.
    type: list
    elements: str
    required: true
seealso:
  - plugin: cloudpeer.atlas.next_free_blocks
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show which blocks overlap
  ansible.builtin.debug:
    msg: "{{ ['10.0.0.0/16', '10.0.8.0/21', '10.1.0.0/16'] | cloudpeer.atlas.overlapping_blocks }}"
    # [['10.0.0.0/16', '10.0.8.0/21']]
"""

RETURN = r"""
_value:
  description:
    - The pairs, each a list of two blocks, in ascending order. The larger block of a pair comes first.
    - A block that is in the list more than once overlaps itself. Each pair is returned once.
  type: list
  elements: list
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values import free_blocks


@free_blocks.as_filter("blocks | cloudpeer.atlas.overlapping_blocks", AnsibleFilterError)
def overlapping_blocks(blocks: object) -> list[list[str]]:
    """Return the pairs of blocks that overlap; see the documentation above.

    Raises:
        AnsibleFilterError: If the list is not one of blocks, or there are other arguments.
    """
    found = free_blocks.overlapping_blocks(free_blocks.parse_blocks("the list", blocks))
    return [[str(one), str(other)] for one, other in found]


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., list[list[str]]]]:
        """Return the filter by its name."""
        return {"overlapping_blocks": overlapping_blocks}
