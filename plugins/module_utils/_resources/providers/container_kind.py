# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs between cloud providers in a network container.

Their rules are in https://www.mongodb.com/docs/atlas/security-vpc-peering/.
"""

from __future__ import annotations

import typing as t

from ..._values.blocks import parse_private_block
from ..._values.invalid import InvalidValueError

Fields = t.Mapping[str, t.Any]
REGION: t.Final = "region_name"
REGIONS: t.Final = "regions"
BLOCK: t.Final = "atlas_cidr_block"


class ContainerKind(t.NamedTuple):
    """The network containers of one cloud provider.

    Attributes:
        name: The API's `providerName`.
        place: The result field, and the option, that says where one is: `region_name` where there is one a region, or `regions`
            where there is one a project.
        writable: The API's name of each field that may be sent, by its name in results.
        read_only: The same for what Atlas alone sets, besides `id` and `provisioned`: its own network. The names in results
            differ from those that the customer's network has.
        to_atlas: Returns a region as Atlas writes it.
        to_cloud: Returns a region as the cloud writes it.
        sizes: Returns the prefix lengths that a block may have, by the number of chosen regions; 0 stands for all regions.
        needs_block: Whether a creation has to name the block.
        is_changeable: Whether the block of one that nothing uses can be changed in place.
    """

    name: str
    place: str
    writable: t.Mapping[str, str]
    read_only: t.Mapping[str, str]
    to_atlas: t.Callable[[str], str]
    to_cloud: t.Callable[[str], str]
    sizes: t.Callable[[int], range]
    needs_block: bool
    is_changeable: bool

    @property
    def is_one_a_project(self) -> bool:
        """Whether a project has one in all, and not one in each region."""
        return self.place == REGIONS

    def parse_block(self, value: str, regions: int = 0) -> str:
        """Return the block of a container.

        Args:
            value: The block.
            regions: For how many chosen regions it is; 0 for all.

        Raises:
            InvalidValueError: If it is not a private block, or has another size than containers may have.
        """
        sizes = self.sizes(regions)
        if parse_private_block(value).prefixlen not in sizes:
            number = f" for {regions or 'all'} region{'' if regions == 1 else 's'}" if self.is_one_a_project else ""
            raise InvalidValueError(
                f"has the wrong size: {value!r}", f"Atlas takes blocks from /{sizes[0]} to /{sizes[-1]} on {self.name}{number}."
            )
        return value

    def to_result(self, container: Fields) -> dict[str, t.Any]:
        """Return a container of the API with the names of the results; Atlas's values are not changed."""
        fields = {name: container.get(key) for name, key in {**self.writable, **self.read_only}.items()}
        block, regions = fields[BLOCK], fields.get(REGIONS)
        fields[BLOCK] = block if isinstance(block, str) else None
        if self.is_one_a_project:
            # Atlas leaves them out if none were chosen.
            fields[REGIONS] = [one for one in regions if isinstance(one, str)] if isinstance(regions, list) else []
        first = {"id": container.get("id"), "provider_name": container.get("providerName")}
        return {**first, **fields, "provisioned": container.get("provisioned")}

    def to_body(self, fields: Fields) -> dict[str, t.Any]:
        """Return the body of a POST or PATCH: the writable fields that have a value, and `providerName`."""
        return {"providerName": self.name, **{key: fields[name] for name, key in self.writable.items() if fields.get(name)}}

    def describe_place(self, container: Fields) -> str | None:
        """Return where a container is, as the cloud writes it; None if Atlas does not say it."""
        if self.is_one_a_project:
            return self.describe_regions(container[REGIONS])
        region = container[REGION]
        return self.to_cloud(region) if isinstance(region, str) else None

    def describe_regions(self, regions: t.Iterable[str]) -> str:
        """Return chosen regions in words, as the cloud writes them."""
        return " and ".join(map(self.to_cloud, regions)) or "all regions"
