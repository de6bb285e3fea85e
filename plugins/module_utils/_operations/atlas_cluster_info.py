# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_cluster_info does: it reads the clusters that the options select."""

from __future__ import annotations

from .._clouds.aws import AWS, same_region
from .._clouds.clouds import CLOUDS
from .._engine.argspec import CONNECTION, ArgumentSpec
from .._engine.options import Parameters, check_options
from .._engine.plan import Plan
from .._http.errors import InvalidOptionError, TaskError
from .._resources.clusters import Cluster, Clusters, Region
from .._values.ids import parse_cluster_name
from .atlas import AtlasOperation
from .over_projects import over_projects


class AtlasClusterInfo(AtlasOperation["list[Cluster]"]):
    """Reads the clusters of a project."""

    argument_spec = CONNECTION + ArgumentSpec(
        {"name": {"type": "str"}, "provider_name": {"type": "str", "choices": [*CLOUDS]}, "region_name": {"type": "str"}}
    )
    noun = "clusters"
    # The clusters that are left out because Atlas does not report where they are.
    _unplaced: tuple[str, ...] = ()

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options. Only a region with `provider_name: AWS` is checked."""
        if params["api_version"] != "v2":
            raise InvalidOptionError(
                "api_version must be v2 to read clusters.", hint="Version 1.0 of the API describes them in another way."
            )
        region = params["region_name"]
        if region is not None and not region.strip():
            raise InvalidOptionError("region_name is empty.", hint="Give a region such as us-east-1, or leave it out.")
        check_options(params, parse_cluster_name, "name")
        if params["provider_name"] == AWS.name:
            return super().validate(params)
        checked, warnings = super().validate({**params, "region_name": None})
        return {**checked, "region_name": region and region.strip()}, warnings

    def look(self) -> list[Cluster]:
        """Read the clusters and select those that fit every option."""
        clusters, name = Clusters(self.session, self.params["group_id"]), self.params["name"]
        if name is not None:
            cluster = clusters.find_cluster(name)
            found = [] if cluster is None else [cluster]
        else:
            found = self._list(clusters)
        if self._is_anywhere():
            return found
        fitting = [one for one in found if any(map(self._fits, one["regions"]))]
        self._unplaced = tuple(one["name"] for one in found if one not in fitting and self._may_fit(one["regions"]))
        return fitting

    def decide(self, state: list[Cluster]) -> Plan:
        """Warn of the clusters that may be where the options want them."""
        text = "Atlas does not report the regions of cluster {}, so provider_name and region_name leave it out."
        return Plan(warnings=tuple(map(text.format, self._unplaced)))

    def _list(self, clusters: Clusters) -> list[Cluster]:
        """Return the clusters of all kinds, each once: Atlas lists some Flex clusters, which were M2 or M5, twice."""
        lists = self.read_all({"clusters": clusters.list_clusters, "flex": clusters.list_flex_clusters})
        found = list[Cluster]()
        for one in lists.values():
            if isinstance(one, TaskError):
                raise one
            found += one
        return list({one["id"]: one for one in found}.values())

    def _is_anywhere(self) -> bool:
        return self.params["provider_name"] is None and self.params["region_name"] is None

    def _fits(self, region: Region) -> bool:
        provider, name = self.params["provider_name"], self.params["region_name"]
        return provider in (None, region["provider_name"], region["backing_provider_name"]) and (
            name is None or same_region(name, region["region_name"])
        )

    def _may_fit(self, regions: list[Region]) -> bool:
        """Return whether it is not known where a cluster is: Atlas reports no regions, or leaves out the name of one."""
        name = self.params["region_name"]
        return not regions or any(one["region_name"] is None and self._fits({**one, "region_name": name}) for one in regions)


OPERATION = over_projects(AtlasClusterInfo, lambda cluster: cluster["state_name"])
