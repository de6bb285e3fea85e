# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Regions of clouds: a table with both spellings of each, and AWS's, whose spellings follow a rule."""

from __future__ import annotations

import re
import typing as t

from .invalid import InvalidValueError


class RegionTable:
    """The known regions of one cloud. Clouds open new ones, so a name that is not known is passed on as it is.

    Args:
        provider_name: The cloud, for messages.
        names: The cloud's name of each region, by Atlas's.
    """

    def __init__(self, provider_name: str, names: t.Mapping[str, str]) -> None:
        self.names = names
        self.provider_name = provider_name
        self._atlas_names = {
            _key(name): atlas_name for atlas_name, cloud_name in names.items() for name in (cloud_name, atlas_name)
        }

    def to_atlas(self, region: str) -> str:
        """Return a region as Atlas writes it, for either spelling."""
        return self._atlas_names.get(_key(region), region.strip())

    def to_cloud(self, region: str) -> str:
        """Return a region as the cloud writes it, for either spelling."""
        return self.names.get(self.to_atlas(region), region.strip())

    def is_known(self, region: str) -> bool:
        """Whether this version of the collection knows a region."""
        return _key(region) in self._atlas_names

    def parse(self, value: str) -> str:
        """Return a region as tasks have it: as Atlas writes it.

        Raises:
            InvalidValueError: If there is no text.
        """
        if not value.strip():
            examples = " or ".join(next(iter(self.names.items())))
            raise InvalidValueError("is empty", f"Give a region of {self.provider_name}, such as {examples}.")
        return self.to_atlas(value)


def _key(region: str) -> str:
    """Return what two ways to write one name have in common: people mix up hyphens and underscores, and cases.

    AZURE's display names, such as North Europe, are its names with blanks, and Azure takes them, too.
    """
    return region.strip().upper().replace("-", "_").replace(" ", "")


_AWS_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")
_KNOWN = """
    af-south-1 ca-central-1 ca-west-1 mx-central-1 sa-east-1
    ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2
    ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7
    cn-north-1 cn-northwest-1
    eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3
    il-central-1 me-central-1 me-south-1
    us-east-1 us-east-2 us-gov-east-1 us-gov-west-1 us-west-1 us-west-2
"""


def to_cloud_region(region: str) -> str:
    """Return a region as the cloud writes it: `us-east-1`, also for Atlas's `US_EAST_1`."""
    return region.lower().replace("_", "-")


def to_atlas_region(region: str) -> str:
    """Return a region as Atlas writes it in containers: `US_EAST_1`."""
    return region.upper().replace("-", "_")


def same_region(region: str | None, other: str | None) -> bool:
    """Whether two regions are the same, however they are written."""
    return region is not None and other is not None and to_cloud_region(region) == to_cloud_region(other)


class AwsRegionTable(RegionTable):
    """The regions of AWS: those that are not known have both spellings, too."""

    def __init__(self) -> None:
        super().__init__("AWS", {to_atlas_region(name): name for name in _KNOWN.split()})

    def to_atlas(self, region: str) -> str:
        """Return a region as Atlas writes it, for either spelling."""
        return to_atlas_region(region)

    def to_cloud(self, region: str) -> str:
        """Return a region as AWS writes it, for either spelling."""
        return to_cloud_region(region)

    def parse(self, value: str) -> str:
        """Return a region as AWS writes it.

        Raises:
            InvalidValueError: If it cannot be a region.
        """
        region = to_cloud_region(value.strip())
        if not _AWS_REGION.fullmatch(region):
            raise InvalidValueError(f"is not an AWS region: {value!r}", "Write it like us-east-1 or US_EAST_1.")
        return region


AWS_REGIONS = AwsRegionTable()


def parse_any_region(value: str) -> str:
    """Return a region of any cloud as it is written, without blanks around it.

    Raises:
        InvalidValueError: If there is no text.
    """
    if not value.strip():
        raise InvalidValueError("is empty", "Give a region such as us-east-1, or leave it out.")
    return value.strip()
