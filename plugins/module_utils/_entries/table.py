# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of all options of an entry in a list of connections: what each is, and which modules use it.

A new option is a row here, and code in the modules that use it. The argument specs of the lists follow from the table, and so do
the documentation of the options and the role's argument specs, which `make fragments` writes.
"""

from __future__ import annotations

import typing as t

from .._clouds.cloud import Cloud
from .._clouds.clouds import ALL_CLOUDS, CLOUD_OPTIONS
from .._values.blocks import parse_client_block, parse_private_block
from .._values.ids import parse_azure_name, parse_gcp_name, parse_gcp_project, parse_object_id, parse_security_group_id
from .._values.patterns import Parse

Spec = t.Mapping[str, t.Any]

# The modules with such a list.
SETS, CHECK, PATH = "atlas_vpc_peers", "atlas_vpc_peer_check", "atlas_peering"
_ALL, _HALVES = (SETS, CHECK, PATH), (CHECK, PATH)
_AWS, _AZURE, _GCP = ALL_CLOUDS
_TEXT: Spec = {"type": "str"}
_SHOWN: Spec = {"type": "str", "no_log": False}
_SECRET: Spec = {"type": "str", "no_log": True}
_TEXTS: Spec = {"type": "list", "elements": "str"}
_PATH: Spec = {"type": "path"}
_SIGN_IN: Spec = {"type": "str", "choices": ["auto", "cli", "env", "credential_file", "msi"]}
_GOALS: Spec = {"type": "str", "choices": ["pending_acceptance", "available"]}


class Option(t.NamedTuple):
    """A row of the table.

    Attributes:
        name: Its name.
        users: The modules that use it. The others take it without effect, so that one list serves all of them.
        cloud: The cloud whose entries have it; empty for all clouds.
        spec: Its argument spec, without its other names.
        parse: The parser of its value, unless the cloud has one for a field of this name; None for any text.
        renamed: The names that some modules have for it, which the others take as well.
        others: More names that all modules take.
        is_region: Whether it is a region, which is parsed as its cloud writes it.
        is_from_atlas: Whether the Atlas half finds it out, so that it is for tasks without that half.
        elsewhere: The argument spec in modules that do not use it, if that differs.
        is_credential: Whether an entry without it has that of the task.
    """

    name: str
    users: tuple[str, ...] = _ALL
    cloud: str = ""
    spec: Spec = _TEXT
    parse: Parse | None = None
    renamed: t.Mapping[str, str] = {}
    others: tuple[str, ...] = ()
    is_region: bool = False
    is_from_atlas: bool = False
    elsewhere: Spec | None = None
    is_credential: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All names of the option."""
        return (self.name, *self.renamed.values(), *self.others)

    def names_in(self, module: str) -> tuple[str, ...]:
        """Return all names of the option, that of a module first."""
        return (*dict.fromkeys((self.renamed.get(module, self.name), *self.names)),)

    def spec_in(self, module: str) -> dict[str, object]:
        """Return its argument spec in a module."""
        spec = self.elsewhere if self.elsewhere is not None and module not in self.users else self.spec
        aliases = [*self.names_in(module)[1:]]
        return {**spec, "aliases": aliases} if aliases else dict(spec)

    def is_documented_in(self, module: str) -> bool:
        """Whether the documentation of a module has a row for it, and no paragraph for several."""
        return module in self.users and not self.is_credential and not self.is_from_atlas

    def parser_for(self, cloud: Cloud) -> Parse | None:
        """Return the parser of its value on a cloud; None for a region, for any text, and for an option of another cloud."""
        if self.is_region or self.cloud not in ("", cloud.name):
            return None
        return next((cloud.forms[name] for name in self.names if name in cloud.forms), self.parse)


OPTIONS = (
    Option("provider_name", spec={"type": "str", "choices": [*ALL_CLOUDS]}),
    Option("vpc_id", cloud=_AWS),
    Option("aws_account_id", cloud=_AWS),
    Option("connection_id", _HALVES, _AWS, is_from_atlas=True),
    *(Option(name, cloud=_AZURE) for name in CLOUD_OPTIONS[_AZURE]),
    *(Option(name, cloud=_GCP) for name in CLOUD_OPTIONS[_GCP]),
    Option("container_id", parse=parse_object_id),
    Option("container_region", renamed={SETS: "container_region_name"}, is_region=True),
    # On AWS the block of the VPC, on other clouds a block of clients, for which a set has no use.
    Option("cidr_block", parse=parse_client_block, renamed={SETS: "route_table_cidr_block"}),
    Option("cidr_blocks", _HALVES, spec=_TEXTS),
    Option("atlas_cidr_block", _HALVES, parse=parse_private_block, renamed={PATH: "container_cidr_block"}),
    Option("comment", (PATH,)),
    Option("region", cloud=_AWS, renamed={SETS: "accepter_region_name"}, others=("aws_region",), is_region=True),
    Option("route_table_ids", _HALVES, _AWS, _TEXTS),
    Option("route_table_tags", _HALVES, _AWS, {"type": "dict", "no_log": False}),
    Option("aws_security_group", _HALVES, _AWS, parse=parse_security_group_id),
    Option("aws_profile", _HALVES, _AWS, is_credential=True),
    Option("aws_access_key", _HALVES, _AWS, _SHOWN, is_credential=True),
    Option("aws_secret_key", _HALVES, _AWS, _SECRET, is_credential=True),
    Option("aws_session_token", _HALVES, _AWS, _SECRET, is_credential=True),
    Option("aws_assume_role_arn", _HALVES, _AWS, is_credential=True),
    Option("aws_endpoint_url", _HALVES, _AWS, is_credential=True),
    Option("aws_ca_bundle", _HALVES, _AWS, _PATH, is_credential=True),
    Option("azure_auth_source", _HALVES, _AZURE, _SIGN_IN, is_credential=True),
    Option("azure_profile", _HALVES, _AZURE, is_credential=True),
    Option("azure_client_id", _HALVES, _AZURE, is_credential=True),
    Option("azure_secret", _HALVES, _AZURE, _SECRET, is_credential=True),
    Option("atlas_vnet_name", _HALVES, _AZURE, parse=parse_azure_name, is_from_atlas=True),
    Option("atlas_gcp_project_id", _HALVES, _GCP, parse=parse_gcp_project, is_from_atlas=True),
    Option("atlas_network_name", _HALVES, _GCP, parse=parse_gcp_name, is_from_atlas=True),
    Option("container_regions", (PATH,), _GCP, _TEXTS, is_region=True),
    Option("gcp_peering_name", (PATH,), _GCP, parse=parse_gcp_name),
    Option("gcp_service_account_file", _HALVES, _GCP, _PATH, is_credential=True),
    Option("gcp_access_token", _HALVES, _GCP, _SECRET, is_credential=True),
    Option("wait_for", (SETS,), spec=_GOALS, elsewhere=_TEXT),
)
# The options that exclude each other, under all of their names.
EXCLUSIVE = (
    ("aws_profile", "aws_access_key"),
    ("aws_profile", "aws_session_token"),
    ("route_table_ids", "route_table_tags"),
    ("container_id", "container_region"),
    ("container_id", "container_region_name"),
)


def used_by(module: str) -> dict[str, Option]:
    """Return the options that a module uses, by the names that it has for them."""
    return {one.names_in(module)[0]: one for one in OPTIONS if module in one.users}


def ignored_by(module: str) -> frozenset[str]:
    """Return all names of the options that a module takes without effect."""
    return frozenset(name for one in OPTIONS if module not in one.users for name in one.names)


def list_option(module: str, **spec: object) -> dict[str, object]:
    """Return the argument spec of the list of a module, with more of it, such as `required`."""
    options = {one.names_in(module)[0]: {**one.spec_in(module), "documented": one.is_documented_in(module)} for one in OPTIONS}
    return {"type": "list", "elements": "dict", **spec, "options": options}


def names_of_cloud(cloud: str) -> tuple[str, ...]:
    """Return the options that only entries on a cloud have, under all of their names."""
    return (*dict.fromkeys((*CLOUD_OPTIONS[cloud], *(name for one in OPTIONS if one.cloud == cloud for name in one.names))),)
