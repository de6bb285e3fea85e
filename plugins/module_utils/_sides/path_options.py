# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of atlas_peering with the entries of its list, and their checks without the network."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import replace

from ansible.module_utils.errors import AnsibleFallbackNotFound

from .._accounts.credentials import (
    AWS_SPEC,
    AZURE_SPEC,
    GCP_SPEC,
    aws_credentials_of,
    aws_names_of,
    check_credentials_of,
    validate_aws,
)
from .._clouds.aws import AWS
from .._clouds.cloud import Cloud
from .._clouds.clouds import ALL, ALL_CLOUDS, CLOUDS, DEFAULT_CLOUD
from .._engine.argspec import CONNECTION, PLAN_FILE, WAIT, ArgumentSpec
from .._engine.entry import Entry, each_problem, join_problems
from .._engine.options import (
    FALSE,
    Parameters,
    check_one_way,
    check_options,
    check_parallel,
    check_wait,
    parse_option,
    parse_region,
)
from .._engine.prune import PRUNE, parse_prune
from .._entries.parser import LIST, EntryParser, EntryValues, PeerEntry, unchecked_clouds
from .._entries.table import OPTIONS, PATH, list_option
from .._http.errors import InvalidOptionError, TaskError, as_option
from .._resources.access_list import LONGEST_COMMENT
from .._values.blocks import parse_private_block
from .._values.ids import parse_account_id, parse_project_id
from .._values.patterns import Parse
from .container_plan import block_form, parse_regions
from .options import check_role_timeout
from .set_options import find_twins, pattern_forms

# The option `connections` in the argument spec.
DECLARED = list_option(PATH, required=True)
# The options whose values the Atlas half reads itself.
_FROM_ATLAS = {option.name for option in OPTIONS if option.is_from_atlas}


def aws_credentials(entry: PeerEntry, region: str | None) -> dict[str, t.Any]:
    """Return an entry's credentials for AWS, or else those of the task, under the names of the session with AWS."""
    return aws_credentials_of(entry.task, entry.params, region, entry.params[AWS.owner])


def aws_names(entry: PeerEntry) -> dict[str, str]:
    """Return the names of these options in messages about entries that have the same credentials."""
    return {**aws_names_of(entry.task, entry.params, entry.params[AWS.owner]), "region": "region"}


def parse_path_entries(params: Parameters) -> tuple[tuple[PeerEntry, ...], list[TaskError], list[str]]:
    """Return the entries of the option `connections`, their problems, and warnings.

    Args:
        params: The options of the task, parsed except for this one. Those for the network container apply to the cloud of the
            list, and in a list for several clouds to AWS.

    Raises:
        InvalidOptionError: If the option is not a list.
    """
    parser = _Parser(params)
    entries = parser.parse(params[LIST])
    return entries, [*parser.problems, *find_twins(entries), *_find_contradictions(entries)], each_problem(parser.warnings)


def ignored_options(args: Parameters) -> list[str]:
    """Return the options of unchecked entries that only atlas_vpc_peers has."""
    return _Parser.find_ignored(args.get(LIST))


def clouds_of(clouds: t.Iterable[Cloud | None]) -> tuple[Cloud, ...]:
    """Return each cloud once, in the order of results."""
    names = {cloud.name for cloud in clouds if cloud is not None}
    return tuple(CLOUDS[name] for name in ALL_CLOUDS if name in names)


def _check_texts(values: Parameters, cloud: Cloud) -> None:
    """Check the comment and the tags of route tables."""
    if len(values["comment"] or "") > LONGEST_COMMENT:
        raise InvalidOptionError(
            f"{as_option('comment')} is longer than {LONGEST_COMMENT} characters, which Atlas refuses.", hint="Shorten it."
        )
    if values["route_table_tags"] is not None:
        from .._aws.accepter.routes import to_tags

        to_tags("route_table_tags", values["route_table_tags"])


class _Parser(EntryParser):
    """Parses the entries of both sides."""

    module = PATH
    checks = (*EntryParser.checks, _check_texts)

    def begin(self, clouds: t.Sequence[Cloud]) -> None:
        """Parse the task's options for the network container; in a list for several clouds, they apply to AWS."""
        used, params = clouds_of(clouds), self.params
        self._main = used[0] if len(used) == 1 else AWS
        self._region: str | None = None
        self._block: str | None = params["container_cidr_block"]
        try:
            if self._block is not None:
                parse_option("container_cidr_block", self._block, parse_private_block)
            if params["container_region"] is not None and not self._main.has_one_container:
                self._region, warnings = parse_region("container_region", params["container_region"], self._main)
                self.warnings += map(TaskError, warnings)
        except InvalidOptionError as error:
            self.problems.append(error)
            self._region = self._block = None
        for cloud in () if params["atlas"] else used:
            if not params[cloud.switch]:
                text = f"atlas and {cloud.switch} are both false, so there is nothing to do on {cloud.name}."
                self.problems.append(TaskError(text, hint="Set one of them to true."))

    def unset(self, values: Parameters, cloud: Cloud) -> list[str]:
        """Return the options whose values are empty, and those whose values the Atlas half reads itself."""
        ignored = _FROM_ATLAS if self.params["atlas"] else ()
        return [name for name, value in values.items() if name in ignored or (value in ("", [], {}) and name != cloud.network)]

    def prepare(self, values: EntryValues, cloud: Cloud) -> list[str]:
        """Leave out a region that has no effect, and return a warning."""
        if not cloud.has_one_container or values["container_region"] is None:
            return []
        values["container_region"] = None
        return [f"{as_option('container_region')} has no effect: a project has one network container on {cloud.name}."]

    def parse_place(self, values: EntryValues, name: str, cloud: Cloud) -> list[str]:
        """Parse a region, or the regions of the network container, and return warnings."""
        if name != "container_regions" or values[name] is None:
            return super().parse_place(values, name, cloud)
        values[name], warnings = parse_regions(name, values[name], cloud)
        return warnings

    def complete(self, values: EntryValues, cloud: Cloud) -> None:
        """Fill in the task's options for the network container, unless the entry names another one."""
        region, block = (self._region, self._block) if cloud is self._main else (None, None)
        names_other = values["container_id"] is not None and self.params["atlas"]
        if values["container_id"] is None:
            values["container_region"] = values["container_region"] or region
        if not names_other and values["container_region"] in (None, region):
            values["container_cidr_block"] = values["container_cidr_block"] or block

    def parsers(self, values: Parameters, cloud: Cloud) -> dict[str, Parse]:
        """Return the parsers, with the sizes of a block where the network container may have to be created."""
        found = super().parsers(values, cloud)
        if self.params["atlas"] and self.params["state"] == "present":
            found["container_cidr_block"] = block_form(cloud, values["container_regions"])
        return found

    def check_needs(self, values: Parameters, cloud: Cloud) -> None:
        """Check that an entry names its network, and has the values that a disabled half cannot read."""
        is_present = self.params["state"] == "present"
        named = dict.fromkeys((*(cloud.names or cloud.identity), *(cloud.needed if is_present else ())))
        missing = [name for name in named if name != cloud.block and not values[name]]
        if missing:
            raise InvalidOptionError(
                f"is one on {cloud.name}, and lacks {' and '.join(missing)}.",
                hint=f"Set {'it' if len(missing) == 1 else 'them'}, or the options of another cloud.",
            )
        if not self.params["atlas"]:
            needed = _needed_of_atlas(values, cloud, is_present)
            missing = [name for name in needed if values[name] is None]
            if missing:
                raise InvalidOptionError(
                    f"needs {' and '.join(missing)} with atlas: false.",
                    hint=f"The team that works in Atlas has {'it' if len(missing) == 1 else 'them'} in its result.",
                )
        if cloud.block is not None and is_present and not self.params[cloud.switch] and values["cidr_block"] is None:
            raise InvalidOptionError(
                f"needs {as_option('cidr_block')} with {cloud.switch}: false.", hint="The task cannot read it in the cloud then."
            )

    def check_credentials(self, entry: Entry, cloud: Cloud) -> list[str]:
        """Record problems of the credentials of an entry, and return warnings."""
        return check_credentials_of(entry, cloud, self.params) if self.params[cloud.switch] else []


def _needed_of_atlas(values: Parameters, cloud: Cloud, is_present: bool) -> tuple[str, ...]:
    """Return the options that an entry needs if Atlas is not read."""
    if cloud.accepted_id is not None:
        return (cloud.accepted_id, *(("container_cidr_block",) if is_present else ()))
    if cloud.has_names and (is_present or values["gcp_peering_name"] is None):
        return cloud.atlas_network
    return ()


def _find_contradictions(entries: t.Sequence[PeerEntry]) -> t.Iterator[TaskError]:
    """Yield an error for each entry that sets another block or other regions for a container than an earlier entry."""
    seen: dict[tuple[t.Any, ...], PeerEntry] = {}
    for entry in entries:
        place = None if entry.provider.has_one_container else entry.params["container_id"] or entry.params["container_region"]
        for option in ("container_cidr_block", "container_regions"):
            value = entry.params[option]
            if value is None:
                continue
            before = seen.setdefault((entry.provider.name, place, option), entry)
            other = before.params[option]
            if sorted(other) != sorted(value) if isinstance(value, list) else other != value:
                theirs = f"{before.title} has {_shown(other)} for the same network container"
                text = f"{as_option(option)} is {_shown(value)}, and {theirs}."
                yield entry.named(TaskError(text, hint="Correct one of them, or leave it out."))


def _shown(value: str | list[str]) -> str:
    return value if isinstance(value, str) else " and ".join(value)


_Parsed = tuple[dict[str, t.Any], list[str]]
# Empty values of these count as not set.
_EMPTY = ("container_region", "container_cidr_block", "atlas_aws_account_ids")
PATH_SPEC = (
    CONNECTION
    + AWS_SPEC
    + AZURE_SPEC
    + GCP_SPEC
    + PRUNE
    + PLAN_FILE
    + ArgumentSpec(
        {
            # Not from the environment: only a project set by the task itself names connections in AWS.
            "group_id": {"type": "str", "aliases": ["project_id"]},
            LIST: DECLARED,
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "container_region": {"type": "str"},
            "container_cidr_block": {"type": "str"},
            "remove_container": {"type": "bool", "default": False},
            **{half: {"type": "bool", "default": True} for half in ("atlas", "aws", "azure", "gcp", "access_list")},
            "replace_routes": {"type": "bool", "default": False},
            "dns": {"type": "str", "choices": ["warn", "enable", "ignore"], "default": "warn"},
            "tags": {"type": "dict", "no_log": False},
            "purge_tags": {"type": "bool", "default": False},
            "atlas_aws_account_ids": {"type": "list", "elements": "str"},
            "recreate": {"type": "str", "choices": ["never", "dead", "changed"], "default": "never"},
            "azure_role_timeout": {"type": "int", "default": 300},
            "parallel": {"type": "int", "default": 8},
            "fail_on": {"type": "str", "choices": ["fail", "never"], "default": "fail"},
            "wait_timeout": WAIT.options["wait_timeout"],
            "wait_sleep": WAIT.options["wait_sleep"],
        }
    )
)


def fill_in_project(params: Parameters) -> Parameters:
    """Return the options with `group_id` from the environment if the task has no project, and the task's own in `aws_group_id`.

    An empty `group_id` counts as not set, and so does an empty `project_name` beside an id. Alone, it is kept, and refused later.

    Raises:
        InvalidOptionError: If the task has both.
    """
    named, name = params["group_id"] or None, params["project_name"]
    name = name or None if named else name
    check_one_way({**params, "group_id": named, "project_name": name})
    function, variables = CONNECTION.options["group_id"]["fallback"]
    found = named
    if named is None and name is None:
        with contextlib.suppress(AnsibleFallbackNotFound):
            found = function(*variables)
    return {**params, "group_id": found, "aws_group_id": named, "project_name": name}


def with_project(params: Parameters, found: Parameters) -> Parameters:
    """Return the options with the id of the project in `project_name`, which names connections in AWS.

    Args:
        params: The options, as `validate` returns them.
        found: The same, with the id of the project in `group_id`; `params` itself without `project_name`.
    """
    if found is params:
        return params
    found = {**found, "aws_group_id": found["group_id"]}
    return {**found, LIST: tuple(replace(entry, task=found) for entry in found[LIST])}


def validate(params: Parameters) -> tuple[Parameters, list[str]]:
    """Check the options without the network.

    Args:
        params: The options, with `group_id` and `aws_group_id`.

    Returns:
        The options, parsed, and warnings. `connections` has the entries, `ignore` the patterns, and `clouds` the clouds of the
        list. `prune` is off with state absent.

    Raises:
        InvalidOptionError: If some are invalid; the message names all of them.
    """
    is_present = params["state"] == "present"
    unset = {name: None for name in _EMPTY if not params[name]}
    params = {**params, **unset, "prune": params["prune"] and is_present}
    problems, warnings = list[TaskError](), list[str]()
    numbers, parsers = (check_wait, check_role_timeout, check_parallel), (_parse_tags, _parse_patterns)
    for parse in (_check_version, *numbers, _check_ids, *parsers, _check_prune, validate_aws):
        try:
            values, more = parse(params) or ({}, [])
        except InvalidOptionError as error:
            problems.append(error)
        else:
            params, warnings = {**params, **values}, warnings + more
    entries, wrong, more = parse_path_entries(params)
    if problems or wrong:
        raise join_problems([*problems, *wrong])
    return {**params, LIST: entries, "clouds": clouds_of(entry.provider for entry in entries)}, warnings + more


def halves_of(args: Parameters) -> set[str]:
    """Return the clouds whose customer's half a task does, by unchecked options; a doubtful one is included."""
    given = args.get(LIST)
    # An empty list that prunes removes what is on the default cloud.
    prunes_all = not given and str(args.get("prune") or False).lower() not in FALSE
    found = {DEFAULT_CLOUD} if prunes_all else {name or DEFAULT_CLOUD for name in unchecked_clouds(given)}
    return {name for name in found if str(args.get(CLOUDS[name].switch)).lower() not in FALSE}


def _check_version(params: Parameters) -> None:
    if params["api_version"] != "v2":
        raise InvalidOptionError(
            "api_version must be v2.", hint="Leave it out: v1.0 is for modules with connections on AWS alone."
        )


def _check_ids(params: Parameters) -> None:
    check_options(params, parse_project_id, "group_id", "aws_group_id")
    for index, account_id in enumerate(params["atlas_aws_account_ids"] or ()):
        parse_option("atlas_aws_account_ids", account_id, parse_account_id, number=index)


def _parse_tags(params: Parameters) -> _Parsed:
    if params["tags"] is None:
        return {}, []
    from .._aws.accepter.routes import to_tags

    return {"tags": to_tags("tags", params["tags"])}, []


def _parse_patterns(params: Parameters) -> _Parsed:
    return {"ignore": parse_prune(params, LIST, pattern_forms(ALL))}, []


def _check_prune(params: Parameters) -> None:
    if params["prune"] and not params["atlas"]:
        raise InvalidOptionError("prune needs atlas, which is false.", hint="Set prune to false, or atlas to true.")
