# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Regions of a cloud: a table with their names in Atlas and in the cloud, and functions for AWS's spellings."""

from __future__ import annotations

import typing as t

from .invalid import InvalidValueError


class RegionTable:
    """The known regions of one cloud. Clouds open new ones, so an unknown name is returned unchanged.

    Args:
        provider_name: The cloud, for messages.
        names: The cloud's name of each region, by Atlas's name.
    """

    def __init__(self, provider_name: str, names: t.Mapping[str, str]) -> None:
        self.names = names
        self.provider_name = provider_name
        self._atlas_names = {
            _key(name): atlas_name for atlas_name, cloud_name in names.items() for name in (cloud_name, atlas_name)
        }

    def to_atlas(self, region: str) -> str:
        """Return a region as Atlas writes it, from either spelling; an unknown one without spaces around it."""
        return self._atlas_names.get(_key(region), region.strip())

    def to_cloud(self, region: str) -> str:
        """Return a region as the cloud writes it, from either spelling; an unknown one without spaces around it."""
        return self.names.get(self.to_atlas(region), region.strip())

    def is_known(self, region: str) -> bool:
        """Whether this version of the collection knows a region."""
        return _key(region) in self._atlas_names

    def parse(self, value: str) -> str:
        """Return the region that an option names, as Atlas writes it.

        Raises:
            InvalidValueError: If it is empty.
        """
        if not value.strip():
            examples = " or ".join(next(iter(self.names.items())))
            raise InvalidValueError("is empty", f"Give a region of {self.provider_name}, such as {examples}.")
        return self.to_atlas(value)


def _key(region: str) -> str:
    """Return one key for all spellings of a name: people mix up hyphens, underscores and case.

    AZURE also accepts its display names, such as North Europe: these are its names with spaces.
    """
    return region.strip().upper().replace("-", "_").replace(" ", "")


def to_cloud_region(region: str) -> str:
    """Return a region as AWS writes it, from either spelling: `us-east-1`."""
    return region.lower().replace("_", "-")


def to_atlas_region(region: str) -> str:
    """Return an AWS region as Atlas writes it in containers, from either spelling: `US_EAST_1`."""
    return region.upper().replace("-", "_")


def same_region(region: str | None, other: str | None) -> bool:
    """Whether two regions of AWS are the same, in either spelling; False if one is missing."""
    return region is not None and other is not None and to_cloud_region(region) == to_cloud_region(other)


def parse_any_region(value: str) -> str:
    """Return a region of any cloud, stripped of spaces around it.

    Raises:
        InvalidValueError: If it is empty.
    """
    if not value.strip():
        raise InvalidValueError("is empty", "Give a region such as us-east-1, or leave it out.")
    return value.strip()
