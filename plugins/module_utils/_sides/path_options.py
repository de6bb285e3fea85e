# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of atlas_peering, and their checks without the network."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import replace

from ansible.module_utils.errors import AnsibleFallbackNotFound

from .._accounts.credentials import AWS_SPEC, AZURE_SPEC, GCP_SPEC, validate_aws
from .._clouds.clouds import ALL, CLOUDS, DEFAULT_CLOUD
from .._engine.argspec import CONNECTION, PLAN_FILE, WAIT, ArgumentSpec
from .._engine.entry import join_problems
from .._engine.options import FALSE, Parameters, check_one_way, check_options, check_parallel, check_wait, parse_option
from .._engine.prune import PRUNE, parse_prune
from .._entries.parser import LIST, unchecked_clouds
from .._http.errors import InvalidOptionError, TaskError
from .._values.ids import parse_account_id, parse_project_id
from .entries import DECLARED, clouds_of, parse_path_entries
from .options import check_role_timeout
from .set_options import pattern_forms

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
            # Not from the environment: only a project that the task itself names gives connections their names in AWS.
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
    """Return the options with `group_id` from the environment if the task has no project, and that of the task in `aws_group_id`.

    An empty `group_id` counts as not set, and so does an empty `project_name` beside an id. Alone, it stays, to be refused.

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
    """Return the options with the project that their `project_name` has turned out to be, which gives connections names in AWS.

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
    """Return the clouds whose customer's half a task does, by unchecked options; in doubt, one is included."""
    given = args.get(LIST)
    # An empty list that prunes removes what is on the default cloud.
    prunes_all = not given and str(args.get("prune") or False).lower() not in FALSE
    found = {DEFAULT_CLOUD} if prunes_all else {name or DEFAULT_CLOUD for name in unchecked_clouds(given)}
    return {name for name in found if str(args.get(CLOUDS[name].half[0])).lower() not in FALSE}


def _check_version(params: Parameters) -> None:
    if params["api_version"] != "v2":
        raise InvalidOptionError(
            "api_version must be v2.", hint="Leave it out: v1.0 is for modules with connections on AWS alone."
        )


def _check_ids(params: Parameters) -> None:
    check_options(params, parse_project_id, "group_id", "aws_group_id")
    for index, one in enumerate(params["atlas_aws_account_ids"] or ()):
        parse_option("atlas_aws_account_ids", one, parse_account_id, number=index)


def _parse_tags(params: Parameters) -> _Parsed:
    if params["tags"] is None:
        return {}, []
    from .._aws.accepter.checks import to_tags

    return {"tags": to_tags("tags", params["tags"])}, []


def _parse_patterns(params: Parameters) -> _Parsed:
    return {"ignore": parse_prune(params, LIST, pattern_forms(ALL))}, []


def _check_prune(params: Parameters) -> None:
    if params["prune"] and not params["atlas"]:
        raise InvalidOptionError("prune needs atlas, which is false.", hint="Set prune to false, or atlas to true.")
