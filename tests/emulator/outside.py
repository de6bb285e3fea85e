"""What is outside of Atlas and the same for all projects: the customers' networks, made up, real (AWS) or in stand-ins."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .azure import AzureCloud, MadeUpVNets, Roles, VNets
from .clouds import Cloud, Clouds
from .gcp import GcpCloud, Networks
from .settings import Settings
from .standins import StandInNetworks, StandIns, StandInVNets


class Outside:
    """The clouds with what customers have there.

    Args:
        clock: A monotonic clock in seconds.

    Attributes:
        roles: What Atlas knows about its role at the virtual networks on Azure.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        """Prepare; nothing is asked of any cloud yet."""
        self._settings = settings
        self._clock = clock
        self.roles = Roles(settings.azure_role_seconds, clock)
        self._lock = threading.Lock()
        self._vnets: VNets = MadeUpVNets()
        self._networks: Networks | None = None
        if settings.clouds_url:
            stand_ins = StandIns(settings.clouds_url)
            self._vnets, self._networks = StandInVNets(stand_ins), StandInNetworks(stand_ins)

    def make_clouds(self) -> Clouds:
        """Return the cloud behind each provider, for one project.

        Raises:
            ImportError: For a real AWS without boto3.
        """
        clouds = {"AZURE": AzureCloud(self._vnets, self.roles, self._lock), "GCP": GcpCloud(self._networks)}
        if not self._settings.aws_endpoint_url:
            return {"AWS": Cloud(), **clouds}
        from .aws import AwsCloud  # pylint: disable=import-outside-toplevel

        return {"AWS": AwsCloud(self._settings.aws_endpoint_url, self._settings.aws_account_id, self._clock), **clouds}
