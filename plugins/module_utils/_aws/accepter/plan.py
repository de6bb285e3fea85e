# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of atlas_vpc_peer_accepter: the checks that refuse it, its steps in order, and the errors of what comes too late."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._engine.options import Parameters
from ..._engine.plan import Plan, Step
from ..._engine.wait import WaitTimeoutError
from ..._http.errors import InvalidOptionError, RateLimitError, TaskError, as_form, as_name, as_option, as_reply
from ..._values.blocks import do_overlap, is_part
from ..errors import AdvisedError
from ..objects import ACTIVE, ENDED, INITIATING, LIST, PENDING, PeeringConnection, Vpc
from .routes import Facts, choose_tables, leftovers, missing_tables, plan_removal, plan_routes, to_tags
from .view import Accept, AddTags, EnableDns, RemoveTags, Request, RouteChange, View, to_change

_NAME = "Name"
# The prefix of AWS's own tags, which only AWS removes.
_OF_AWS = "aws:"
# Seconds. Atlas returns the id of a connection a moment before AWS shows it to the other account.
LONGEST_APPEARANCE = 60
# Seconds that AWS may take to show the blocks of a connection after its acceptance.
LONGEST_PROVISIONING = 30
# The status of a connection that AWS does not show.
UNKNOWN = "unknown"
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
    current = {} if connection is None else connection.tags
    requests += [AddTags(tuple(tags.items()), {key: current[key] for key in tags if key in current})] if tags else []
    others = _other_tags(params, connection)
    requests += [RemoveTags(tuple(others.items()))] if others else []
    dns = {"enable_dns_support": vpc.enable_dns_support, "enable_dns_hostnames": vpc.enable_dns_hostnames}
    off = [name for name, is_enabled in dns.items() if is_enabled is False]
    if params["dns"] == "enable":
        requests += [EnableDns(name) for name in off]
    elif off:
        warnings.append(
            f"The {as_form('VPC')} {as_name(vpc.id)} {as_form('has', 'have')} {' and '.join(off)} off: there, the names of "
            "clusters resolve to public addresses, which do not lead through the connection. Set dns to enable, or to ignore."
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
    if view.vpc is None and vpc_id and view.account_id is not None:
        warnings.append(
            f"The {as_form('VPC')} {as_name(vpc_id)} {as_form('is', 'are')} unknown in {view.place}: it has no routes there "
            "that could be removed."
        )
        return AccepterPlan(warnings=tuple(warnings))
    vpc = check_vpc(params, view) if vpc_id else None
    block = find_block(params, connection)
    if vpc is None or block is None:
        _check_nothing_left(params, view, warnings)
        return AccepterPlan(warnings=tuple(warnings))
    tables = choose_tables(params, view, vpc, block)
    changes = plan_removal(params, view, tables, block)
    warnings += [f"The route table {one} is gone: nothing is removed from it." for one in missing_tables(params, view)]
    _warn_of_leftovers(leftovers(view.tables, connection_id, changes), connection_id, warnings)
    return _plan(changes, warnings, block, (one.id for one in tables))


def _plan_acceptance(params: Parameters, view: View, warnings: list[str]) -> None:
    """Warn if the connection is accepted unchecked, or not accepted."""
    connection = view.connection
    if connection is None:
        return
    if not params["accept"]:
        until = f" before {connection.expiration_time}" if connection.expiration_time else " within seven days of the request"
        warnings.append(
            f"{as_name(connection.id)} has not been accepted: it carries no traffic until somebody does, which has to be{until}."
        )
    elif params["atlas_aws_account_ids"] is None and connection.requester.account_id not in view.atlas_accounts:
        warnings.append(
            f"{as_name(connection.id)} {as_form('is', 'are')} accepted from account {connection.requester.account_id}, which was "
            "not checked. If that is Atlas's account, set atlas_aws_account_ids to it, "
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
        warnings.append(
            "AWS does not report whose credentials these are: it was not checked that they belong to the VPC's owner."
        )


def _check_nothing_left(params: Parameters, view: View, warnings: list[str]) -> None:
    """Check that no route to a block leads to a connection whose VPC or block AWS no longer shows; warn of those to prefix lists.

    Raises:
        TaskError: If one does.
    """
    left = leftovers(view.tables, params["connection_id"])
    if any(not one.startswith(LIST) for one in left):
        missing = [*(["vpc_id"] if view.vpc is None else []), "atlas_cidr_block"]
        missing = [option for option in missing if params[option] is None]
        raise TaskError(
            f"{' and '.join(missing)} must be set: routes still lead to {params['connection_id']} ({', '.join(left)}), "
            "and AWS no longer reports which block it was for.",
            hint="The routes to that block are removed then.",
        )
    _warn_of_leftovers(left, params["connection_id"], warnings)


def _warn_of_leftovers(left: t.Sequence[str], connection_id: str | None, warnings: list[str]) -> None:
    if left:
        warnings.append(f"Other routes to {connection_id} stay: {', '.join(left)}.")


def check_account(params: Parameters, view: View) -> None:
    """Check that the credentials belong to the account that the options name.

    Raises:
        TaskError: If they belong to another one.
    """
    wanted = params["aws_account_id"]
    if wanted is not None and view.account_id not in (None, wanted):
        raise AdvisedError(
            f"The AWS credentials are of account {view.account_id}, not of aws_account_id {wanted}.", "credentials"
        )


def check_usable(params: Parameters, view: View, *, will_wait: bool) -> None:
    """Check that the connection is there, leads to a VPC in the region, and is accepted or can be.

    Args:
        params: The options.
        view: What was read.
        will_wait: Whether the task waits for a request that AWS has not passed on yet.

    Raises:
        TaskError: If it is unknown, has ended, is still being requested and `will_wait` is false, or leads to another region.
    """
    connection = view.connection
    if connection is None:
        raise unknown_error(params, view)
    if connection.status in ENDED:
        said = f" (AWS says: {as_reply(connection.status_message)})" if connection.status_message else ""
        raise AdvisedError(
            f"The {as_form('VPC peering connection')} {as_name(connection.id)} {as_form('is', 'are')} {connection.status}: "
            f"{ENDED[connection.status]}{said}.",
            "request",
            error_code=connection.status,
        )
    if connection.status == INITIATING and not will_wait:
        raise TaskError(
            f"The {as_form('VPC peering connection')} {as_name(connection.id)} {as_form('is', 'are')} still being requested "
            f"({INITIATING}): it cannot be accepted yet.",
            hint="Set wait to true, or run the task again in a minute.",
        )
    if connection.accepter.region not in (None, view.region):
        raise TaskError(
            f"The VPC peering connection {as_name(connection.id)} leads to region {connection.accepter.region}, "
            f"not to region {view.region}.",
            hint=f"Set {as_option('region')} to that of the VPC.",
        )


def unknown_error(params: Parameters, view: View) -> TaskError:
    """Return the error for a connection that AWS does not show."""
    return TaskError(
        f"The {as_form('VPC peering connection')} {as_name(params['connection_id'])} {as_form('is', 'are')} unknown in "
        f"{view.place}.",
        hint=f"Check connection_id, {as_option('region')}, and whose credentials these are."
        + ("" if params["wait"] else " Set wait to true if it was requested just now."),
    )


def check_parties(params: Parameters, connection: PeeringConnection) -> None:
    """Check that a connection leads from the right account to the right VPC.

    A value that AWS does not show counts as wrong, unless state is absent.

    Raises:
        TaskError: If an account or the VPC is another one.
    """
    ours, theirs = connection.accepter, connection.requester
    unknown = (None,) if params["state"] == "absent" else ()
    if params["vpc_id"] is not None and ours.vpc_id not in (*unknown, params["vpc_id"]):
        raise TaskError(
            f"The VPC peering connection {as_name(connection.id)} leads to {as_name(ours.vpc_id)}, not to vpc_id "
            f"{as_name(params['vpc_id'])}.",
            hint="Correct connection_id or vpc_id.",
        )
    if params["aws_account_id"] is not None and ours.account_id not in (*unknown, params["aws_account_id"]):
        raise TaskError(
            f"The VPC peering connection {as_name(connection.id)} leads to a VPC of account {ours.account_id}, "
            f"not of aws_account_id {params['aws_account_id']}.",
            hint="Correct connection_id or aws_account_id.",
        )
    wanted = params["atlas_aws_account_ids"]
    if wanted is not None and theirs.account_id not in (*unknown, *wanted):
        raise TaskError(
            f"The VPC peering connection {as_name(connection.id)} was requested by account {theirs.account_id}, "
            f"which is not among atlas_aws_account_ids ({', '.join(wanted)}).",
            hint="Do not accept it unless you know that this account is Atlas's; then add it.",
        )


def check_vpc(params: Parameters, view: View) -> Vpc:
    """Check the VPC, and return it.

    Raises:
        TaskError: If it is unknown, belongs to another account, or does not contain `route_table_cidr_block`, or if AWS shows
            none of its route tables.
    """
    vpc = view.vpc
    if vpc is None:
        vpc_id = params["vpc_id"] or (view.connection and view.connection.accepter.vpc_id)
        raise TaskError(
            f"The {as_form('VPC')} {as_name(vpc_id)} {as_form('is', 'are')} unknown in {view.place}.",
            hint=f"Check {as_option('region')}, vpc_id, and whose credentials these are.",
        )
    if vpc.account_id is not None and view.account_id not in (None, vpc.account_id):
        raise TaskError(
            f"The VPC {as_name(vpc.id)} belongs to account {vpc.account_id}, which shares it with account {view.account_id}.",
            hint="Only its owner can accept and route: use credentials of that account.",
        )
    if params["aws_account_id"] is not None and vpc.account_id not in (None, params["aws_account_id"]):
        raise TaskError(
            f"The VPC {as_name(vpc.id)} belongs to account {vpc.account_id}, not to aws_account_id {params['aws_account_id']}.",
            hint="Correct vpc_id or aws_account_id.",
        )
    part = params["route_table_cidr_block"]
    if part is not None and not any(is_part(part, block) for block in vpc.cidr_blocks):
        raise TaskError(
            f"{as_option('route_table_cidr_block')} {as_name(part)} is not within the VPC {as_name(vpc.id)}, which has "
            f"{', '.join(map(as_name, vpc.cidr_blocks))}.",
            hint="Give a block of the VPC, or a part of one.",
        )
    if not view.tables:
        raise TaskError(
            f"AWS shows the VPC {as_name(vpc.id)}, but none of its route tables, and each VPC has its main one.",
            hint="Run the task again. If that does not help, check whether something answers in place of AWS.",
        )
    return vpc


def check_groups(params: Parameters, view: View, vpc: Vpc) -> None:
    """Check that the security groups are there and belong to the VPC.

    Raises:
        TaskError: If one is unknown or belongs to another VPC.
    """
    for one in params["security_group_ids"] or []:
        account, unused, group_id = one.rpartition("/")
        home = view.groups.get(group_id)
        if account and vpc.account_id not in (None, account):
            raise TaskError(
                f"{as_option('security_group_ids')} has {one}, of account {account}, but the VPC {as_name(vpc.id)} belongs to "
                f"account {vpc.account_id}.",
                hint="Name a security group of the VPC.",
            )
        if home is None:
            raise TaskError(
                f"The security group {group_id} is unknown in {view.place}.", hint=f"Correct {as_option('security_group_ids')}."
            )
        if home != vpc.id:
            raise TaskError(
                f"The security group {group_id} belongs to {as_name(home)}, not to {as_name(vpc.id)}.",
                hint="Name a security group of the VPC.",
            )


def check_block(params: Parameters, view: View, vpc: Vpc) -> str | None:
    """Check Atlas's block, and return it; None if it is unknown and there is no connection either.

    Raises:
        TaskError: If it is missing, differs from what AWS shows, or overlaps the VPC.
    """
    block = find_block(params, view.connection)
    if block is None and view.connection is not None:
        raise AdvisedError(
            f"{as_option('atlas_cidr_block')} is required: AWS does not report the block of {as_name(view.connection.id)} while "
            f"it is {view.connection.status}, only once it is active.",
            "block",
        )
    overlapping = [one for one in vpc.cidr_blocks if block is not None and do_overlap(block, one)]
    if overlapping:
        raise TaskError(
            f"{as_option('atlas_cidr_block')} {block} overlaps {', '.join(map(as_name, overlapping))} of the VPC "
            f"{as_name(vpc.id)}.",
            hint="AWS lets no such connection carry traffic: Atlas needs a network container with another block.",
        )
    return block


def find_block(params: Parameters, connection: PeeringConnection | None) -> str | None:
    """Return Atlas's block: `atlas_cidr_block`, checked against what AWS shows, or else the only block that AWS shows.

    Returns:
        The block; None if neither has one.

    Raises:
        TaskError: If AWS shows only other blocks, or several while the option is not set.
    """
    wanted: str | None = params["atlas_cidr_block"]
    if connection is None or not connection.requester.cidr_blocks:
        return wanted
    shown = connection.requester.cidr_blocks
    if wanted is not None and wanted not in shown:
        raise TaskError(
            f"The VPC behind {as_name(connection.id)} has {', '.join(shown)}, not {as_option('atlas_cidr_block')} {wanted}.",
            hint=f"Correct {as_option('atlas_cidr_block')}, or connection_id if this is not the connection of your project.",
        )
    if wanted is None and len(shown) > 1:
        raise TaskError(
            f"The VPC behind {as_name(connection.id)} has several blocks: {', '.join(shown)}.",
            hint=f"Set {as_option('atlas_cidr_block')} to the one of Atlas's network container.",
        )
    return wanted or shown[0]


def no_block_error(connection: PeeringConnection, block: str | None) -> TaskError:
    """Return the error for a connection whose block AWS does not show in time."""
    return TaskError(
        f"The {as_form('VPC peering connection')} {as_name(connection.id)} {as_form('is', 'are')} {connection.status}, and AWS "
        "does not report yet which block is behind it: "
        f"no route was made, since {as_option('atlas_cidr_block')} {block} could not be compared.",
        hint="Run the task again in a minute.",
    )


def late_error(connection_id: str, connection: PeeringConnection | None, goal: str, error: WaitTimeoutError) -> TaskError:
    """Return the error for a connection that is not in the awaited state when the time is up.

    Args:
        connection_id: Its id.
        connection: The connection as AWS has shown it last; None if it has not.
        goal: What was waited for, such as `it to be active`.
        error: How long it was waited for, and the last poll without an answer.
    """
    status = connection.status if connection is not None else UNKNOWN
    unanswered, silence = error.unanswered, ""
    if isinstance(unanswered, RateLimitError):
        silence = f" {unanswered.template}"
    elif unanswered is not None:
        silence = f" AWS's last reply: none ({unanswered.detail})."
    return TaskError(
        f"The {as_form('VPC peering connection')} {as_name(connection_id)} {as_form('is', 'are')} still {status} after "
        f"{error.span} of waiting for {goal}.{silence}",
        detail=f"last status {status}",
        hint=f"Raise {as_option('wait_timeout')}, or run the task again later: it goes on from there.",
    )


def require_connection(params: Parameters) -> None:
    """Check that `connection_id` is set. State absent does without it, and so does check mode with `vpc_id`.

    Raises:
        InvalidOptionError: If it is missing with state present.
    """
    if params["connection_id"] is None and params["state"] == "present":
        raise InvalidOptionError(
            f"{as_option('connection_id')} is required.",
            hint="It is in the results of atlas_vpc_peer with wait: true. Only in check mode may it be left out, with vpc_id.",
        )
