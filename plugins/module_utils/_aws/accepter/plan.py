# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of atlas_vpc_peer_accepter: its steps in order, or the error that refuses them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._engine.options import Parameters
from ..._engine.plan import Plan, Step
from ..._http.errors import TaskError, as_form, as_option
from ..objects import ACTIVE, INITIATING, PENDING, PeeringConnection
from .checks import check_account, check_block, check_groups, check_parties, check_usable, check_vpc, find_block, to_tags
from .routes import Facts, choose_tables, leftovers, missing_tables, plan_removal, plan_routes
from .view import Accept, AddTags, EnableDns, RemoveTags, Request, RouteChange, View, to_change

_NAME = "Name"
# The prefix of AWS's own tags, which only AWS removes.
_OF_AWS = "aws:"
NO_BLOCK = f"Without connection_id and {as_option('atlas_cidr_block')}, overlaps and routes were not checked."


@dataclass(frozen=True)
class AccepterPlan(Plan):
    """A plan, with what results show beside the changes.

    Attributes:
        block: Atlas's block; None if it is not known.
        table_ids: The chosen route tables.
    """

    block: str | None = None
    table_ids: tuple[str, ...] = ()

    @property
    def route_changes(self) -> list[RouteChange]:
        """The changes of routes."""
        return [step.request for step in self.steps if isinstance(step.request, RouteChange)]


def _plan(requests: t.Iterable[Request], warnings: list[str], block: str | None, table_ids: t.Iterable[str]) -> AccepterPlan:
    """Return the plan that sends requests in their order. Those after an acceptance wait until the connection has settled."""
    changes, steps = [], []
    for one in requests:
        change = to_change(one)
        changes.append(change)
        after = None if isinstance(one, Accept) else ACTIVE
        steps.append(Step("delete" if change.action == "delete" else "update", one, (change.key,), after))
    return AccepterPlan(
        changes=tuple(changes), steps=tuple(steps), warnings=tuple(warnings), block=block, table_ids=tuple(table_ids)
    )


def plan_present(params: Parameters, view: View, facts: Facts) -> AccepterPlan:
    """Plan the acceptance of the connection, its routes and tags, and the VPC's attributes for DNS.

    Args:
        params: The options.
        view: What was read.
        facts: The prefix lists and the quota; each is read when it is looked up.

    Raises:
        TaskError: If a check fails: then nothing is changed.
    """
    check_account(params, view)
    connection = view.connection
    if params["connection_id"] is not None:
        check_usable(params, view, will_wait=params["wait"])
    if connection is not None:
        check_parties(params, connection)
    vpc = check_vpc(params, view)
    block = check_block(params, view, vpc)
    check_groups(params, view, vpc)
    tables = choose_tables(params, view, vpc, block)
    requests: list[Request] = []
    warnings: list[str] = []
    if connection is None or connection.status in (PENDING, INITIATING):
        _plan_acceptance(params, view, warnings)
        requests += [Accept()] if params["accept"] else []
    if block is not None:
        requests += plan_routes(params, view, tables, block, facts, warnings)
    tags = missing_tags(params, connection)
    requests += [AddTags(tuple(tags.items()))] if tags else []
    others = _other_tags(params, connection)
    requests += [RemoveTags(tuple(others.items()))] if others else []
    dns = {"enable_dns_support": vpc.enable_dns_support, "enable_dns_hostnames": vpc.enable_dns_hostnames}
    off = [name for name, is_enabled in dns.items() if is_enabled is False]
    if params["dns"] == "enable":
        requests += [EnableDns(name) for name in off]
    elif off:
        warnings.append(
            f"The {as_form('VPC')} {vpc.id} {as_form('has', 'have')} {' and '.join(off)} off: there, the names of clusters "
            "resolve to public addresses, which do "
            "not lead through the connection. Set dns to enable, or to ignore."
        )
    _warn_of_owner(view, warnings)
    return _plan(requests, warnings, block, (one.id for one in tables))


def plan_absent(params: Parameters, view: View) -> AccepterPlan:
    """Plan the removal of the routes to Atlas's block that lead to the connection, or to one that has ended.

    Raises:
        TaskError: If a check fails: then nothing is changed.
    """
    check_account(params, view)
    connection, connection_id = view.connection, params["connection_id"]
    if connection is not None:
        check_parties(params, connection)
    vpc_id = params["vpc_id"] or (connection and connection.accepter.vpc_id)
    warnings: list[str] = []
    _warn_of_owner(view, warnings)
    if view.vpc is None and vpc_id:
        warnings.append(
            f"The {as_form('VPC')} {vpc_id} {as_form('is', 'are')} unknown in {view.place}: it has no routes there "
            "that could be removed."
        )
        return AccepterPlan(warnings=tuple(warnings))
    vpc = check_vpc(params, view) if vpc_id else None
    block = find_block(params, connection)
    if vpc is None or block is None:
        _check_nothing_left(params, view)
        return AccepterPlan(warnings=tuple(warnings))
    tables = choose_tables(params, view, vpc, block)
    changes = plan_removal(params, view, tables, block)
    warnings += [f"The route table {one} is gone: nothing is removed from it." for one in missing_tables(params, view)]
    left = leftovers(view.tables, connection_id, changes)
    if left:
        warnings.append(f"Other routes to {connection_id} stay: {', '.join(left)}.")
    return _plan(changes, warnings, block, (one.id for one in tables))


def _plan_acceptance(params: Parameters, view: View, warnings: list[str]) -> None:
    """Warn if the connection is accepted unchecked, or not accepted."""
    connection = view.connection
    if connection is None:
        return
    if not params["accept"]:
        until = f" before {connection.expiration_time}" if connection.expiration_time else " within seven days of the request"
        warnings.append(
            f"{connection.id} has not been accepted: it carries no traffic until somebody does, which has to be{until}."
        )
    elif params["atlas_aws_account_ids"] is None and connection.requester.account_id not in view.atlas_accounts:
        warnings.append(
            f"{connection.id} {as_form('is', 'are')} accepted from account {connection.requester.account_id}, which was not "
            "checked. If that is Atlas's account, set atlas_aws_account_ids to it, "
            f"so that {as_form('no other one is', 'no others are')} accepted."
        )


def missing_tags(params: Parameters, connection: PeeringConnection | None) -> dict[str, str]:
    """Return the tags that a connection has to get; a new one, which is not known yet, has none."""
    current = {} if connection is None else connection.tags
    wanted = to_tags("tags", params["tags"])
    if params["group_id"] is not None and _NAME not in current:
        wanted.setdefault(_NAME, f"atlas-{params['group_id']}")
    return {key: value for key, value in wanted.items() if current.get(key) != value}


def _other_tags(params: Parameters, connection: PeeringConnection | None) -> dict[str, str]:
    """Return the tags that the task takes away: with `purge_tags`, those that `tags` does not have, unless `tags` is not set."""
    if not params["purge_tags"] or params["tags"] is None or connection is None:
        return {}
    kept = {_NAME, *to_tags("tags", params["tags"])}
    return {key: value for key, value in connection.tags.items() if key not in kept and not key.startswith(_OF_AWS)}


def _warn_of_owner(view: View, warnings: list[str]) -> None:
    if view.account_id is None:
        warnings.append("AWS does not say whose credentials these are: it was not checked that they belong to the VPC's owner.")


def _check_nothing_left(params: Parameters, view: View) -> None:
    """Check that no route leads to a connection whose VPC or block AWS no longer shows.

    Raises:
        TaskError: If one does.
    """
    left = leftovers(view.tables, params["connection_id"])
    if left:
        missing = [*(["vpc_id"] if view.vpc is None else []), "atlas_cidr_block"]
        missing = [option for option in missing if params[option] is None]
        raise TaskError(
            f"{' and '.join(missing)} must be set: routes still lead to {params['connection_id']} ({', '.join(left)}), "
            "and AWS no longer reports which block it was for.",
            hint="The routes to that block are removed then.",
        )
