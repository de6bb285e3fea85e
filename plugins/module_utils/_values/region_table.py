# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables of the regions of a provider: Atlas's spelling, and that of the cloud.

Atlas's names are not the same place on each cloud: `US_WEST_2` is us-west-2 on AWS, westus2 on AZURE and us-west2 on GCP. So
each provider has a table of its own. They are in https://www.mongodb.com/docs/atlas/reference/microsoft-azure/ and
https://www.mongodb.com/docs/atlas/reference/google-gcp/.
"""

from __future__ import annotations

import typing as t

from .invalid import InvalidValueError


class RegionTable:
    """The known regions of one provider. Clouds open new ones, so a name that is not known is passed on as it is.

    Args:
        provider_name: The provider, for messages.
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
        """Return a region as Atlas writes it.

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
