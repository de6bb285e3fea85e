# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of atlas_vpc_peer_check, their checks, and the clouds and halves that they choose."""

from __future__ import annotations

import typing as t

from .._accounts.credentials import (
    AWS_SPEC,
    AZURE_SPEC,
    CREDENTIALS_OF,
    GCP_SPEC,
    aws_credentials_of,
    check_credentials_of,
    validate_aws,
)
from .._azure.vnets import parse_vnet, parse_vnet_peering
from .._clouds.cloud import Cloud
from .._clouds.clouds import ALL, ALL_CLOUDS, CLOUDS, DEFAULT_CLOUD
from .._engine.argspec import CONNECTION, PROJECTS, ArgumentSpec
from .._engine.entry import Entry, each_problem, join_problems
from .._engine.options import FALSE, Parameters, check_options, many_projects, parse_option, parse_region
from .._entries.parser import EntryParser, EntryValues, PeerEntry, unchecked_clouds
from .._entries.table import CHECK, list_option
from .._http.errors import InvalidOptionError
from .._values.blocks import address_in, parse_client_block, parse_private_block
from .._values.ids import (
    parse_cluster_name,
    parse_instance_id,
    parse_object_id,
    parse_project_id,
    parse_security_group_id,
    parse_subnet_id,
)

if t.TYPE_CHECKING:
    from .earlier import Earlier

# The options that are lists of texts, and those that have results of info modules, each with the parser of an element.
_LISTS: dict[str, t.Callable[[str], object]] = {
    "subnet_ids": parse_subnet_id,
    "security_group_ids": parse_security_group_id,
    "instance_ids": parse_instance_id,
    "clusters": parse_cluster_name,
    "client_cidr_blocks": parse_client_block,
    "compare_group_ids": parse_object_id,
}
_VNETS: dict[str, t.Callable[[t.Mapping[str, object]], object]] = {
    "vnet_peerings": parse_vnet_peering,
    "virtual_networks": parse_vnet,
}

ARGUMENT_SPEC = (
    CONNECTION
    + AWS_SPEC
    + AZURE_SPEC
    + GCP_SPEC
    + PROJECTS
    + ArgumentSpec(
        {
            "connections": list_option(CHECK),
            "container_region": {"type": "str"},
            "atlas_cidr_block": {"type": "str", "aliases": ["container_cidr_block"]},
            **{name: {"type": "list", "elements": "str"} for name in _LISTS},
            "probes": {"type": "list", "elements": "dict"},
            "provider_name": {"type": "str", "choices": [*ALL_CLOUDS, ALL]},
            **{name: {"type": "list", "elements": "dict"} for name in _VNETS},
            "atlas": {"type": "bool", "default": True},
            "aws": {"type": "bool", "default": True},
            "azure": {"type": "bool"},
            "gcp": {"type": "bool", "default": True},
            "fail_on": {"type": "str", "choices": ["fail", "warn", "new", "never"], "default": "fail"},
            # The action plugin gives the content of the file.
            "since": {"type": "raw"},
            "text": {"type": "bool", "default": True},
            "report": {"type": "raw"},
            "report_mode": {"type": "str"},
        }
    )
)
# The outcomes of TCP in results of atlas_probe.
_PROBE_OUTCOMES = ("open", "refused", "timeout", "unreachable", "unresolved")
# The options that need a half.
_OF_ATLAS = ("clusters", "compare_group_ids")
_OF_AWS = ("subnet_ids", "security_group_ids", "instance_ids")
# The options that are about one project.
_OF_ONE_PROJECT = ("connections", "atlas_cidr_block", *_OF_AWS, *_OF_ATLAS, "client_cidr_blocks", "probes")


def validate(params: Parameters) -> tuple[Parameters, list[str]]:
    """Check the options without the network.

    Returns:
        The options, parsed and with `clouds` (a tuple of names), and warnings.

    Raises:
        InvalidOptionError: If an option is invalid.
    """
    _check_many(params)
    since = _parse_since(params)
    clouds = _find_clouds(params)
    if params["azure"] is None:
        # With these lists, no credentials are needed.
        params = {**params, "azure": params["vnet_peerings"] is None and params["virtual_networks"] is None}
    _check_customer_halves(params, clouds)
    _check_halves(params)
    check_options(params, parse_project_id, "group_id")
    lists = {name: _parse_list(params, name) for name in _LISTS}
    lists["security_group_ids"] = [one.rpartition("/")[2] for one in lists["security_group_ids"] or ()] or None
    _check_probes(params["probes"])
    region, warnings = _parse_container_region(params, clouds)
    aws, more = validate_aws(params)
    connections, unknown = _parse_connections({**params, **region})
    for name, credentials_of in CREDENTIALS_OF.items():
        if connections is None and name in clouds and params[CLOUDS[name].switch]:
            credentials_of(params, {})
    parsed = {**lists, **_parse_vnets(params), **region, **aws, "connections": connections, "clouds": clouds, "since": since}
    return {**params, **parsed}, warnings + more + unknown


class _Parser(EntryParser):
    """Parses the entries of the check."""

    module = CHECK

    def prepare(self, values: EntryValues, cloud: Cloud) -> list[str]:
        """Fill in the network container that the task names."""
        params = self.params
        values["atlas_cidr_block"] = values["atlas_cidr_block"] or params["atlas_cidr_block"] or None
        if values["container_id"] is None and params["container_cloud"] == cloud.name:
            values["container_region"] = values["container_region"] or params["container_region"]
        return []

    def check_needs(self, values: Parameters, cloud: Cloud) -> None:
        """Check that the cloud of an entry is checked, and that it has the full name of its network and what Atlas would say.

        Raises:
            InvalidOptionError: If it does not.
        """
        wanted = self.params["provider_name"]
        if wanted not in (None, ALL, cloud.name):
            raise InvalidOptionError(f"is on {cloud.name}, and provider_name is {wanted}.", hint=f"Set provider_name to {ALL}.")
        missing = [name for name in cloud.network_identity if values[name] is None]
        if missing:
            raise InvalidOptionError(f"needs {' and '.join(missing)}.", hint=cloud.check_hint)
        missing = [name for name in cloud.check_needs if values[name] is None]
        if missing and not self.params["atlas"]:
            raise InvalidOptionError(
                f"needs {' and '.join(missing)} with atlas: false.", hint="The owner of the Atlas project knows them."
            )

    def check_credentials(self, entry: Entry, cloud: Cloud) -> list[str]:
        """Record what is wrong with the credentials of an entry, and return warnings."""
        params = self.params
        if cloud.name in CREDENTIALS_OF:
            return check_credentials_of(entry, cloud, params) if params[cloud.switch] else []
        warnings = check_credentials_of(entry, cloud, params)
        if params["aws"] and not params["atlas"]:
            # Otherwise, the connection in Atlas has the account.
            entry.attempt(aws_credentials_of, params, entry.values, None, entry.values["aws_account_id"])
        return warnings


def _parse_connections(params: Parameters) -> tuple[tuple[PeerEntry, ...] | None, list[str]]:
    """Return the parsed entries, or None if there is no list, and warnings.

    Raises:
        InvalidOptionError: If some are invalid; the message names all of them.
    """
    if params["atlas_cidr_block"]:
        parse_option("atlas_cidr_block", params["atlas_cidr_block"], parse_private_block)
    if params["connections"] is None:
        return None, []
    parser = _Parser(params)
    found = parser.parse(params["connections"])
    if parser.problems:
        raise join_problems(parser.problems)
    return found, each_problem(parser.warnings)


def ignored_options(args: Parameters) -> list[str]:
    """Return the options of unchecked entries that only atlas_vpc_peers and the role use."""
    return _Parser.find_ignored(args.get("connections"))


def _parse_since(params: Parameters) -> Earlier | None:
    """Return the earlier report, if there is one.

    Raises:
        InvalidOptionError: If it is not a report, or `fail_on` needs one.
    """
    if params["since"] is not None:
        # Loaded where a task needs it.
        from .earlier import parse_since

        return parse_since(params["since"])
    if params["fail_on"] == "new":
        hint = "Name the JSON report of an earlier run, or choose another value of fail_on."
        raise InvalidOptionError("fail_on is new, and since is not set.", hint=hint)
    return None


def _check_many(params: Parameters) -> None:
    """Check the options of a task on several projects.

    Raises:
        InvalidOptionError: If some are about one project.
    """
    chosen = many_projects(params)
    if not chosen:
        return
    refused = [name for name in _OF_ONE_PROJECT if params[name] is not None]
    if not params["atlas"]:
        refused.append("atlas: false")
    if refused:
        names = " and ".join(filter(None, [", ".join(refused[:-1]), refused[-1]]))
        are = "is about one project" if len(refused) == 1 else "are about one project"
        raise InvalidOptionError(
            f"{names} {are}, and {chosen[0]} chooses several.",
            hint=f"Leave {'it' if len(refused) == 1 else 'them'} out, or set group_id instead.",
        )


def _check_halves(params: Parameters) -> None:
    if params["atlas"] and params["api_version"] != "v2":
        raise InvalidOptionError("api_version must be v2 to read clusters.", hint="Leave it out, or set atlas to false.")
    if not params["atlas"] and params["connections"] is None:
        raise InvalidOptionError("connections is required with atlas: false.", hint="Name the VPCs that are to reach Atlas.")
    for half, names in (("atlas", _OF_ATLAS), ("aws", _OF_AWS)):
        given = [name for name in names if params[name] is not None and not params[half]]
        if given:
            raise InvalidOptionError(f"{given[0]} needs {half}: true.", hint=f"Leave {given[0]} out, or set {half} to true.")


def _parse_list(params: Parameters, name: str) -> list[str] | None:
    """Return a list, each element once.

    Raises:
        InvalidOptionError: If it is empty, or one of its elements is invalid.
    """
    values: list[str] | None = params[name]
    if values is None:
        return None
    if not values:
        raise InvalidOptionError(f"{name} is empty.", hint="Name at least one, or leave the option out.")
    return list(dict.fromkeys(str(parse_option(name, one, _LISTS[name], number=index)) for index, one in enumerate(values)))


def _check_probes(probes: t.Sequence[t.Mapping[str, t.Any]] | None) -> None:
    """Check that probes look like results of atlas_probe.

    Raises:
        InvalidOptionError: If one does not.
    """
    for index, probe in enumerate(probes or ()):
        members = probe.get("members")
        is_probe = isinstance(probe.get("host"), str) and isinstance(members, list)
        if not is_probe or not members or not all(map(_is_probed_member, members)):
            raise InvalidOptionError(
                f"probes[{index}] is not what atlas_probe returns.", hint="Give the value of probe in its results, not all of it."
            )


def _is_probed_member(member: object) -> bool:
    """Whether a value is a member as atlas_probe returns it."""
    if not isinstance(member, dict) or "in_block" not in member or not isinstance(member.get("member"), str):
        return False
    addresses, tcp, local = member.get("addresses"), member.get("tcp"), member.get("local_address")
    # Releases before 2.6.0 have no local address.
    if local is not None and not (isinstance(local, str) and address_in(local)):
        return False
    if not isinstance(addresses, list) or not all(isinstance(one, str) and address_in(one) for one in addresses):
        return False
    return tcp in _PROBE_OUTCOMES and (tcp != "open" or isinstance(member.get("tls"), bool))


def _find_clouds(params: Parameters) -> tuple[str, ...]:
    """Return the clouds whose connections are checked: those of `provider_name`, or else of the entries, or else the default.

    Of several projects, all clouds are checked.
    """
    wanted = params["provider_name"]
    if wanted is not None:
        return ALL_CLOUDS if wanted == ALL else (wanted,)
    if many_projects(params):
        return ALL_CLOUDS
    used = unchecked_clouds(params["connections"])
    return tuple(one for one in ALL_CLOUDS if one in used) or (DEFAULT_CLOUD,)


def are_elsewhere(args: t.Mapping[str, object]) -> bool:
    """Whether AWS is off, or all connections are with other clouds, by unchecked options; False if in doubt."""
    if str(args.get("aws")).lower() in FALSE:
        return True
    return (unchecked_clouds(args.get("connections")) or {str(args.get("provider_name"))}) <= CREDENTIALS_OF.keys()


def _check_customer_halves(params: Parameters, clouds: t.Iterable[str]) -> None:
    """Check that at least one half of each connection is read or given.

    Raises:
        InvalidOptionError: If there is none for a cloud.
    """
    for name in clouds:
        half = CLOUDS[name].half_options
        if params["atlas"] or any(params[option] not in (None, False) for option in half):
            continue
        message, hint = f"atlas and {half[0]} are both false", "Set one of them to true."
        if len(half) > 1:
            message += f", and neither {' nor '.join(half[1:])} is given"
        raise InvalidOptionError(f"{message}, so there is nothing to check.", hint=hint)


def _parse_container_region(params: Parameters, clouds: t.Sequence[str]) -> tuple[dict[str, str | None], list[str]]:
    """Return `container_region` as its cloud names it, that cloud in `container_cloud`, and warnings.

    In a list for several clouds, it is a region of AWS, and one for GCP alone has no use for it, as with atlas_peering.

    Raises:
        InvalidOptionError: If it is invalid or, without a list, connections are on two clouds with regions, or on GCP alone.
    """
    region, is_listed = params["container_region"] or None, params["connections"] is not None
    with_regions = [CLOUDS[name] for name in clouds if not CLOUDS[name].has_one_container]
    if region is None or (is_listed and not with_regions):
        return {"container_region": None, "container_cloud": None}, []
    if len(with_regions) > 1 and not is_listed:
        raise InvalidOptionError(
            f"container_region is set, and the connections are on {' and '.join(cloud.name for cloud in with_regions)}.",
            hint="Set provider_name to one of them, or the region in each entry of connections (of one project).",
        )
    if not with_regions:
        raise _Parser(params).without_regions("container_region", CLOUDS[clouds[0]])
    parsed, warnings = parse_region("container_region", region, with_regions[0])
    return {"container_region": parsed, "container_cloud": with_regions[0].name}, warnings


def _parse_vnets(params: Parameters) -> dict[str, list[object] | None]:
    """Return the options `vnet_peerings` and `virtual_networks`, parsed.

    Raises:
        InvalidOptionError: If they are not what the info modules return.
    """
    found = {}
    for option, parse in _VNETS.items():
        parsed = [parse_option(option, one, parse, number=index) for index, one in enumerate(params[option] or ())]
        found[option] = None if params[option] is None else parsed
    return found
