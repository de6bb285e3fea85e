# Copyright (c) The cloudpeer.atlas maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Atlas projects of an organization as hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: projects
short_description: Atlas projects as hosts
version_added: 3.1.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Makes a host of each Atlas project that the credentials can see, or of those that the options choose.
  - The name of a host is that of its project, with V(_) in the place of all characters but the letters A to Z and a to z, digits,
    V(.), V(_) and V(-), and of V(.) and V(-) at its beginning. If two hosts would have the same name, or if the name means
    something else in the inventory, such as a group, then V(_) and the id of the project follow.
  - Nothing logs in to these hosts. Their tasks run on the controller (C(ansible_connection=local)), with the Python that runs
    Ansible.
  - No groups are made but for those of O(peers), and those that you define with O(groups) and O(keyed_groups).
  - Names and tags come from other people, so they are never templates. A project whose name is C({{ 7 * 7 }}) has that name.
  - The name of an inventory file ends in C(atlas_projects.yml) or C(atlas_projects.yaml).
notes:
  - If Atlas cannot be reached or refuses the credentials, the inventory fails and makes no host. However, ansible-core then only
    warns, and goes on with the other inventories, if there are any. Set E(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED=true) to end
    there. O(strict) does not change that.
  - All projects take two requests, and one more to sign in. With O(peers), each project takes one more, and another one for each
    cloud in which it has a network container.
  - If a host of another inventory has the name of a project, both are the same host to Ansible, and its tasks run on the
    controller. In such an inventory, let O(hostname) give a name that only projects have.
seealso:
  - module: cloudpeer.atlas.atlas_project_info
  - name: The whole organization
    description: The guide for many projects and accounts.
    link: https://github.com/cloudpeer/atlas/blob/main/docs/guides/whole_organization.md
extends_documentation_fragment:
  - cloudpeer.atlas._connection
  - constructed
  - inventory_cache
options:
  plugin:
    description:
      - The name of this plugin.
    type: str
    required: true
    choices: [cloudpeer.atlas.projects]
  # A fragment has the rest of the next options. Of several environment variables, ansible-core takes the last one that is set,
  # and modules the first.
  public_key:
    env:
      - name: MONGODB_ATLAS_PUBLIC_KEY
      - name: MONGODB_ATLAS_PUBLIC_API_KEY
  private_key:
    env:
      - name: MONGODB_ATLAS_PRIVATE_KEY
      - name: MONGODB_ATLAS_PRIVATE_API_KEY
  client_id:
    env:
      - name: MONGODB_ATLAS_CLIENT_ID
  client_secret:
    env:
      - name: MONGODB_ATLAS_CLIENT_SECRET
  access_token:
    env:
      - name: MONGODB_ATLAS_ACCESS_TOKEN
  base_url:
    env:
      - name: MONGODB_ATLAS_OPS_MANAGER_URL
      - name: MONGODB_ATLAS_BASE_URL
  org_id:
    description:
      - Only the projects of the organization with this id.
    type: str
  project_names:
    description:
      - Only the projects with these names. C(*) stands for any characters, and C(?) for one.
      - A name or a pattern that no project has is a failure.
    type: list
    elements: str
  tags:
    description:
      - Only the projects that have all of these tags, with these values.
    type: dict
  peers:
    description:
      - Also read the connections of each project. The variable C(atlas_peers) then has their states, each with the number of
        connections in it; it is empty if the project has none.
      - The group C(peering_available) has the projects with a connection that works, C(peering_pending) those with one that is on
        its way, and C(peering_none) those with neither. A project can be in the first two.
      - A project whose connections cannot be read is in the group C(peering_unknown) and in none of the others. A warning says
        why, and its C(atlas_peers) is null.
    type: bool
    default: false
  hostname:
    description:
      - A Jinja2 expression over the variables of the host, which gives its name in place of the name of the project.
      - If it fails or is empty for a project, the name of the project is used, or with O(strict), the inventory fails.
    type: str
"""

EXAMPLES = r"""
# In a file whose name ends in atlas_projects.yml. This line alone makes a host of each project that the credentials in the
# environment can see.
plugin: cloudpeer.atlas.projects

# A profile of the Atlas CLI whose file has the keys, in place of the environment
profile: production

# Some projects of one organization
org_id: 5356823a3794dee37132b000
project_names: [shop-*, payments]
tags:
  env: prod

# The states of their connections, as a variable and as groups
peers: true

# Names that no host of another inventory has
hostname: "'atlas-' ~ atlas_project_name"

# A group for each organization and for each value of the tag env, such as org_payments and env_prod
keyed_groups:
  - key: atlas_org_name
    prefix: org
  - key: atlas_tags.env
    prefix: env

# A group by a condition, and a variable
groups:
  with_clusters: atlas_cluster_count > 0
compose:
  atlas_team: atlas_tags.team | default('nobody')

# Kept in files for an hour
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/ansible-inventory
cache_timeout: 3600
"""

import datetime
import hashlib
import json
import re
import time
import typing as t
from collections import Counter
from contextlib import contextmanager
from functools import partial

from ansible import constants as C
from ansible import template
from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.clients import LIBRARIES, ClientPool
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.sources import CREDENTIAL_KINDS, read_sources
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import environment, register
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError, TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.redact import name_in, visible
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_project_info import OPERATION

ENDINGS = ("atlas_projects.yml", "atlas_projects.yaml")
# What modules have, and an inventory has no use for.
_UNUSED: t.Mapping[str, t.Any] = {"group_id": None, "project_name": None, "group_ids": None, "api_version": "v2"}
# What decides which projects there are, and what is read of them. These options may be templates.
READING = (*(name for name in OPERATION.argument_spec.options if name not in _UNUSED), "peers")
_BOOLEANS = {"peers", *(name for name, one in OPERATION.argument_spec.options.items() if one.get("type") == "bool")}
_CREDENTIALS = [origin.option for origins in CREDENTIAL_KINDS.values() for origin in origins]
# What YAML makes of a value that is no text.
_OTHER_TYPES = (dict, list, tuple, set, bytes, datetime.date)
# The variables of a host that come from its project, by the names in the result of atlas_project_info.
HOSTVARS = {
    "id": "atlas_group_id",
    "name": "atlas_project_name",
    "org_id": "atlas_org_id",
    "org_name": "atlas_org_name",
    "tags": "atlas_tags",
    "cluster_count": "atlas_cluster_count",
    "peers": "atlas_peers",
}
# How many names a warning has at most.
_MOST_NAMES = 5
PEER_GROUPS = ("peering_available", "peering_pending", "peering_none", "peering_unknown")
# The interpreter is evaluated where it is used, which may be another controller than the one that makes the inventory. Since
# ansible-core 2.19, only what is marked is a template.
_CONTROLLER = {
    "ansible_connection": getattr(template, "trust_as_template", str)("local"),
    "ansible_python_interpreter": getattr(template, "trust_as_template", str)("{{ ansible_playbook_python }}"),
}

Params = t.Mapping[str, t.Any]
# A project as atlas_project_info shows it, with `peers` if the options ask for them: null, or their states with counts.
Row = dict[str, t.Any]


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Makes a host of each project."""

    NAME = "cloudpeer.atlas.projects"
    inventory: t.Any
    templar: t.Any

    def verify_file(self, path: str) -> bool:
        """Whether a file is named like an inventory of this plugin."""
        return bool(super().verify_file(path)) and path.endswith(ENDINGS)

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        """Make the hosts.

        Args:
            inventory: Receives the hosts and the groups.
            loader: Reads files.
            path: The inventory file.
            cache: Whether projects from the cache will do.

        Raises:
            AnsibleParserError: If an option is invalid, or the projects cannot be read; no host is made then.
        """
        super().parse(inventory, loader, path, cache)
        try:
            with environment():
                params = self._read_params(path)
                rows = self._find_rows(params, f"{self.get_cache_key(path)}_{_digest(params)}", cache)
        except TaskError as error:
            raise AnsibleParserError(str(error)) from None
        hostvars = {row["id"]: _to_hostvars(row) for row in rows}
        wanted = self._wanted_names(hostvars)
        names = name_hosts(wanted, partial(self._is_taken, ()))
        if self.get_option("keyed_groups"):
            groups = self._predict_groups({names[group_id]: found for group_id, found in hostvars.items()})
            names = name_hosts(wanted, partial(self._is_taken, groups))
        self._add_hosts({names[group_id]: found for group_id, found in hostvars.items()}, strict=self.get_option("strict"))

    def set_options(self, task_keys: t.Any = None, var_options: t.Any = None, direct: t.Any = None) -> None:
        """Set the options, as ansible-core does for each plugin.

        Raises:
            InvalidOptionError: If a credential has another type: ansible-core's own message would show its value.
        """
        for name in _CREDENTIALS:
            if isinstance((direct or {}).get(name), _OTHER_TYPES):
                raise InvalidOptionError(f"{name} is not a text.", hint="Write it in quotes, or as a template that gives a text.")
        super().set_options(task_keys=task_keys, var_options=var_options, direct=direct)

    def _read_params(self, path: str) -> Params:
        """Return the options that decide what is read, checked, as modules have them."""
        config = self._read_config_data(path)
        unknown = [*map(name_in, sorted(config.keys() - {"plugin", *self._options}))]
        if unknown:
            raise InvalidOptionError(f"{unknown[0]} is not an option of {self.NAME}.", hint="Correct its name, or leave it out.")
        self.templar.available_variables = self._vars
        # An empty text counts as not set, as in modules.
        given = OPERATION.argument_spec.without_blanks(
            {name: self._evaluate(name, config[name]) for name in READING if name in config}
        )
        for name in sorted(_BOOLEANS & given.keys()):
            if given[name] not in (None, ""):
                _check_boolean(name, given[name])
        others = {name: value for name, value in config.items() if name not in READING}
        # Once more, for the types of what the templates give.
        self.set_options(direct={**others, **given}, var_options=self._vars)
        found = {**_UNUSED, **{name: self.get_option(name) for name in READING}}
        # `secret: true` in the documentation would do that, but the oldest ansible-test refuses it.
        register(OPERATION.argument_spec.find_secrets(found) or ())
        params, warnings = OPERATION.validate(found)
        for text in warnings:
            self.display.warning(text)
        return params

    def _evaluate(self, name: str, value: t.Any) -> t.Any:
        try:
            return self.templar.template(value)
        except Exception as error:
            # The text of a template may have a secret in it.
            is_secret = OPERATION.argument_spec.options.get(name, {}).get("no_log")
            cause = "." if is_secret else f": {visible(str(error))}."
            raise InvalidOptionError(f"{name} cannot be evaluated{cause}", hint="Correct the template.") from None

    def _find_rows(self, params: Params, key: str, cache: bool) -> list[Row]:
        """Return the projects, from the cache or from Atlas. What could not be read is read again, and never kept."""
        is_kept = self.get_option("cache")
        rows: list[Row] | None = self._cache.get(key) if is_kept and cache else None
        if rows is None:
            with self._connect(params) as client:
                unread = {"peers": None} if params["peers"] else {}
                rows = [{**row, **unread} for row in OPERATION(params, client, time.monotonic).look()]
                self._read_peers(client, params, rows)
            if is_kept:
                self._cache[key] = rows
        elif any(row.get("peers", {}) is None for row in rows):
            with self._connect(params) as client:
                rows = [dict(row) for row in rows]
                self._read_peers(client, params, rows)
        return rows

    @contextmanager
    def _connect(self, params: Params) -> t.Iterator[AtlasClient]:
        """Yield a client that nothing is left of afterwards: the workers of a play would inherit its connection."""
        missing = [name for name, import_error in LIBRARIES if import_error is not None]
        if missing:
            raise TaskError(f"Ansible's own Python has no {missing[0]}.", hint="Install it beside ansible-core.")
        pool = ClientPool()
        try:
            with pool.client_for(params, self.display.warning) as client:
                try:
                    yield client
                finally:
                    register(client.secrets)
        finally:
            pool.close()

    def _read_peers(self, client: AtlasClient, params: Params, rows: t.Iterable[Row]) -> None:
        """Read the connections of projects that lack them, if the options say so, and warn of those that cannot be read."""
        unread = {row["id"]: row for row in rows if row.get("peers", {}) is None}
        if not unread:
            return
        # Loaded where it is needed.
        from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_info import (
            OPERATION as READ_PEERS,
        )

        unset = {name: option.get("default") for name, option in READ_PEERS.argument_spec.options.items()}
        wanted = {**unset, **params, "provider_name": "all", "projects": dict.fromkeys(unread)}
        operation = READ_PEERS(wanted, client, time.monotonic)
        found: dict[str, t.Any] = operation.show(operation.look())
        for one in found["projects"]:
            unread[one["id"]]["peers"] = one["states"]
        causes: dict[str, list[str]] = {}
        for one in found["failures"]:
            causes.setdefault(one["msg"], []).append(visible(unread[one["group_id"]]["name"]))
        for cause, names in causes.items():
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            self.display.warning(f"The connections of {', '.join(names[:_MOST_NAMES])}{more} are unknown: {cause}")

    def _wanted_names(self, hostvars: t.Mapping[str, Row]) -> dict[str, str]:
        """Return what the hosts are called after, by the id of the project: `hostname`, or the name of the project.

        Raises:
            AnsibleParserError: If the expression in `hostname` fails for a project, or is empty, and `strict` is set.
        """
        expression, names = self.get_option("hostname"), {}
        for group_id, found in hostvars.items():
            name, cause = found["atlas_project_name"], "it is empty"
            if expression:
                try:
                    name = self._compose(expression, found) or ""
                except Exception as error:
                    name, cause = "", str(error)
            if name == "" and self.get_option("strict"):
                raise AnsibleParserError(f"hostname gives no name for project {group_id}: {cause}.")
            names[group_id] = str(name) or found["atlas_project_name"]
        return names

    def _predict_groups(self, hostvars: t.Mapping[str, Row]) -> t.Collection[str]:
        """Return the groups that `keyed_groups` makes of hosts, whose names follow from variables."""
        inventory, self.inventory = self.inventory, InventoryData()
        try:
            self._add_hosts(hostvars, strict=False)
            return {*self.inventory.groups}
        finally:
            self.inventory = inventory

    def _is_taken(self, keyed: t.Container[str], name: str, group_id: str) -> bool:
        """Whether the name means something else to Ansible, or is that of another host."""
        own_groups = map(self._sanitize_group_name, [*PEER_GROUPS, *(self.get_option("groups") or {})])
        if name in {*C.LOCALHOST, *self.inventory.groups, *own_groups}:
            return True
        host = self.inventory.hosts.get(name)
        # A host that another file has made of the project stays the only one, whatever groups this one makes.
        return name in keyed if host is None else host.vars.get("atlas_group_id") != group_id

    def _add_hosts(self, hostvars: t.Mapping[str, Row], *, strict: bool) -> None:
        """Add the hosts and their groups; none at all if something about one of them fails."""
        before = {*self.inventory.hosts}
        try:
            for name, found in hostvars.items():
                self.inventory.add_host(name)
                for variable, value in found.items():
                    self.inventory.set_variable(name, variable, value)
                self._set_composite_vars(self.get_option("compose"), found, name, strict=strict)
            # Groups follow when all names stand: a variable of a host that is called like a group would be the group's.
            for name, found in hostvars.items():
                for group in _peer_groups(found):
                    self.inventory.add_group(group)
                    self.inventory.add_host(name, group)
                self._add_host_to_composed_groups(self.get_option("groups"), {}, name, strict=strict)
            # Later still: a host that is called like a group would become that group's child.
            for name in hostvars:
                self._add_host_to_keyed_groups(self.get_option("keyed_groups"), {}, name, strict=strict)
        except Exception:
            for name in {*self.inventory.hosts} - before:
                self.inventory.remove_host(self.inventory.hosts[name])
            raise


def _check_boolean(name: str, value: object) -> None:
    """Check that an option is a boolean: ansible-core would take any other value for false.

    Raises:
        InvalidOptionError: If it is none.
    """
    try:
        boolean(value)
    except TypeError:
        raise InvalidOptionError(f"{name} is not a boolean: {value!r}.", hint="Set it to true or false.") from None


def _digest(params: Params) -> str:
    """Return a key of all that decides what is read; secrets go into it, and cannot be derived from it."""
    sources = read_sources(params)
    deciding = [params[name] for name in READING if name not in ("timeout", "retries", "token_cache")]
    text = json.dumps([deciding, *sources], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _to_hostvars(row: Row) -> Row:
    """Return the variables of a host. Names and tags come from other people, so they are never templates."""
    return {**_CONTROLLER, **wrap_var({variable: row[name] for name, variable in HOSTVARS.items() if name in row})}


def _peer_groups(hostvars: Row) -> list[str]:
    """Return the groups of a host by the states of its connections; none if they are not read."""
    if "atlas_peers" not in hostvars:
        return []
    available, pending, none, unknown = PEER_GROUPS
    states = hostvars["atlas_peers"]
    if states is None:
        return [unknown]
    # Loaded where it is needed.
    from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.clouds import CLOUDS

    works = {cloud.available for cloud in CLOUDS.values()}
    ended = {state for cloud in CLOUDS.values() for state in cloud.ended}
    found = [*([available] if works & states.keys() else []), *([pending] if states.keys() - works - ended else [])]
    return found or [none]


def name_hosts(wanted: t.Mapping[str, str], is_taken: t.Callable[[str, str], bool]) -> dict[str, str]:
    """Return the names of hosts, by the ids of their projects: no two alike.

    Args:
        wanted: What each is called after.
        is_taken: Whether a name, for the project with an id, means something else already.
    """
    names = {group_id: _safe(text) for group_id, text in wanted.items()}
    while True:
        counts = Counter(names.values())
        clashing = [group_id for group_id, name in names.items() if counts[name] > 1 or is_taken(name, group_id)]
        if not clashing:
            return names
        # What ends with an id can only be like a name that another project has been given in full.
        names.update({group_id: f"{names[group_id]}_{group_id}" for group_id in clashing})


def _safe(text: str) -> str:
    """Return a text with nothing that means something in a pattern of hosts, or leads to another folder of variables.

    A name that begins with a hyphen would be an option of other programs.
    """
    name = re.sub(r"[^A-Za-z0-9._-]", "_", text)
    return re.sub(r"^[.-]+", lambda match: "_" * len(match.group()), name) or "_"
