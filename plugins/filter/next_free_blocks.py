# Copyright (c) The cloudpeer.atlas maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds CIDR blocks that are free."""

from __future__ import annotations

DOCUMENTATION = r"""
name: next_free_blocks
short_description: Find the next CIDR blocks that are free
version_added: 3.1.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Returns the first blocks of a size that overlap none of the blocks that are taken, such as one for the network container of a
    new project.
  - The same arguments give the same blocks. To choose several, ask for them at once with O(count), or add the first to O(_input)
    before you ask for the next. Hosts of a play that ask at the same time get the same block, unless it has C(serial=1).
  - Blocks are IPv4, and are written in canonical form, without host bits.
  - The filter compares blocks. It does not read routes, such as those of a transit gateway, so add the blocks that these lead to.
    The guide C(At scale) shows how.
  - If fewer blocks are free, the filter fails.
positional: size, within
options:
  _input:
    description:
      - The blocks that are taken.
      - M(cloudpeer.atlas.atlas_network_container_info) reads those of all network containers of an organization. Add the blocks
        of your own networks, and those that their routes lead to.
    type: list
    elements: str
    required: true
  size:
    description: The prefix length of the blocks, such as V(21) for 2048 addresses.
    type: int
    required: true
  within:
    description: The block, or a list of blocks, in which to look.
    type: list
    elements: str
    required: true
  avoid:
    description:
      - More blocks that are not free, such as your own networks; a block or a list.
      - These are avoided beside those of O(avoid_defaults). Until version 4.0.0 of the collection, they replaced them.
    type: list
    elements: str
    default: []
  count:
    description: How many blocks to return.
    type: int
    default: 1
  avoid_defaults:
    description:
      - Whether to avoid 192.168.248.0/21 and 172.17.0.0/16, too. Give this argument by its name.
      - Atlas gives the first to each network container on AWS for which none is chosen. So many projects have it, and a
        route table of a VPC leads to only one of two networks with the same block.
      - The second is the default bridge network of Docker. Clients on hosts with Docker cannot reach such addresses elsewhere.
    type: bool
    default: true
    version_added: 4.0.0
seealso:
  - plugin: cloudpeer.atlas.overlapping_blocks
    plugin_type: filter
  - module: cloudpeer.atlas.atlas_network_container
"""

EXAMPLES = r"""
- name: Find a block for a new network container
  ansible.builtin.debug:
    msg: "{{ ['10.0.0.0/21', '10.0.16.0/20'] | cloudpeer.atlas.next_free_blocks(21, within='10.0.0.0/16') | first }}"
    # 10.0.8.0/21

- name: Find three that are not in your own networks either
  ansible.builtin.debug:
    msg: "{{ taken | cloudpeer.atlas.next_free_blocks(21, within='10.0.0.0/8', avoid=own_networks, count=3) }}"
  vars:
    taken: [10.0.0.0/21]
    own_networks: [10.1.0.0/16]

- name: Find the block that Atlas gives by default, if it is free
  ansible.builtin.debug:
    msg: "{{ ['192.168.240.0/21'] | cloudpeer.atlas.next_free_blocks(21, within='192.168.240.0/20', avoid_defaults=false) }}"
    # 192.168.248.0/21
"""

RETURN = r"""
_value:
  description: The free blocks, in ascending order.
  type: list
  elements: str
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values import free_blocks
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.patterns import InvalidValueError

# What Atlas gives a container on AWS if no block is chosen, and Docker's default bridge on the hosts of clients.
_DEFAULTS = ("192.168.248.0/21", "172.17.0.0/16")
_MOST = 65536


@free_blocks.as_filter("taken | cloudpeer.atlas.next_free_blocks(21, within='10.0.0.0/8')", AnsibleFilterError)
def next_free_blocks(
    taken: object, size: object, within: object, avoid: object = (), count: object = 1, *, avoid_defaults: object = True
) -> list[str]:
    """Return the first blocks that are free; see the documentation above.

    Raises:
        AnsibleFilterError: If an argument is invalid or missing, or fewer blocks are free.
    """
    if not isinstance(avoid_defaults, bool):
        raise InvalidValueError(
            f"avoid_defaults is {avoid_defaults!r}.", "Give true or false; the filter bool makes it of a text."
        )
    found = free_blocks.next_free_blocks(
        taken=free_blocks.parse_blocks("the list", taken),
        size=free_blocks.parse_number("size", size, 32),
        within=free_blocks.parse_blocks("within", within),
        avoid=free_blocks.parse_blocks("avoid", avoid) + free_blocks.parse_blocks("", _DEFAULTS if avoid_defaults else ()),
        count=free_blocks.parse_number("count", count, _MOST),
    )
    return [str(block) for block in found]


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"next_free_blocks": next_free_blocks}
