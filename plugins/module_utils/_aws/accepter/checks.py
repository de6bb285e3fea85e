# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of a connection and its VPC, the choice of Atlas's block, and the errors of a connection that is late."""

from __future__ import annotations

import ipaddress
import typing as t

from ..._engine.options import Parameters
from ..._engine.wait import WaitTimeoutError
from ..._http.errors import InvalidOptionError, RateLimitError, TaskError, as_form, as_option
from ..._values.blocks import do_overlap
from ..errors import AdvisedError
from ..objects import ENDED, INITIATING, PeeringConnection, Vpc
from .view import View

# Seconds. Atlas returns the id of a connection a moment before AWS shows it to the other account.
LONGEST_APPEARANCE = 60
# Seconds that AWS may take to show the blocks of a connection after its acceptance.
LONGEST_PROVISIONING = 30
# The status of a connection that AWS does not show.
UNKNOWN = "unknown"
_MOST_TAG_KEY, _MOST_TAG_VALUE = 128, 256


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
        said = f" (AWS says: {connection.status_message})" if connection.status_message else ""
        raise AdvisedError(
            f"The {as_form('VPC peering connection')} {connection.id} {as_form('is', 'are')} {connection.status}: "
            f"{ENDED[connection.status]}{said}.",
            "request",
            error_code=connection.status,
        )
    if connection.status == INITIATING and not will_wait:
        raise TaskError(
            f"The {as_form('VPC peering connection')} {connection.id} {as_form('is', 'are')} still being requested "
            f"({INITIATING}): it cannot be accepted yet.",
            hint="Set wait to true, or run the task again in a minute.",
        )
    if connection.accepter.region not in (None, view.region):
        raise TaskError(
            f"The VPC peering connection {connection.id} leads to region {connection.accepter.region}, "
            f"not to region {view.region}.",
            hint=f"Set {as_option('region')} to that of the VPC.",
        )


def unknown_error(params: Parameters, view: View) -> TaskError:
    """Return the error for a connection that AWS does not show."""
    return TaskError(
        f"The {as_form('VPC peering connection')} {params['connection_id']} {as_form('is', 'are')} unknown in {view.place}.",
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
            f"The VPC peering connection {connection.id} leads to {ours.vpc_id}, not to vpc_id {params['vpc_id']}.",
            hint="Correct connection_id or vpc_id.",
        )
    if params["aws_account_id"] is not None and ours.account_id not in (*unknown, params["aws_account_id"]):
        raise TaskError(
            f"The VPC peering connection {connection.id} leads to a VPC of account {ours.account_id}, "
            f"not of aws_account_id {params['aws_account_id']}.",
            hint="Correct connection_id or aws_account_id.",
        )
    wanted = params["atlas_aws_account_ids"]
    if wanted is not None and theirs.account_id not in (*unknown, *wanted):
        raise TaskError(
            f"The VPC peering connection {connection.id} was requested by account {theirs.account_id}, "
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
            f"The {as_form('VPC')} {vpc_id} {as_form('is', 'are')} unknown in {view.place}.",
            hint=f"Check {as_option('region')}, vpc_id, and whose credentials these are.",
        )
    if vpc.account_id is not None and view.account_id not in (None, vpc.account_id):
        raise TaskError(
            f"The VPC {vpc.id} belongs to account {vpc.account_id}, which shares it with account {view.account_id}.",
            hint="Only its owner can accept and route: use credentials of that account.",
        )
    if params["aws_account_id"] is not None and vpc.account_id not in (None, params["aws_account_id"]):
        raise TaskError(
            f"The VPC {vpc.id} belongs to account {vpc.account_id}, not to aws_account_id {params['aws_account_id']}.",
            hint="Correct vpc_id or aws_account_id.",
        )
    part = params["route_table_cidr_block"]
    if part is not None and not any(_is_within(part, block) for block in vpc.cidr_blocks):
        raise TaskError(
            f"{as_option('route_table_cidr_block')} {part} is not within the VPC {vpc.id}, which has "
            f"{', '.join(vpc.cidr_blocks)}.",
            hint="Give a block of the VPC, or a part of one.",
        )
    if not view.tables:
        raise TaskError(
            f"AWS shows the VPC {vpc.id}, but none of its route tables, and each VPC has its main one.",
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
                f"{as_option('security_group_ids')} has {one}, of account {account}, but the VPC {vpc.id} belongs to account "
                f"{vpc.account_id}.",
                hint="Name a security group of the VPC.",
            )
        if home is None:
            raise TaskError(
                f"The security group {group_id} is unknown in {view.place}.", hint=f"Correct {as_option('security_group_ids')}."
            )
        if home != vpc.id:
            raise TaskError(
                f"The security group {group_id} belongs to {home}, not to {vpc.id}.", hint="Name a security group of the VPC."
            )


def check_block(params: Parameters, view: View, vpc: Vpc) -> str | None:
    """Check Atlas's block, and return it; None if it is unknown and there is no connection either.

    Raises:
        TaskError: If it is missing, differs from what AWS shows, or overlaps the VPC.
    """
    block = find_block(params, view.connection)
    if block is None and view.connection is not None:
        raise AdvisedError(
            f"{as_option('atlas_cidr_block')} is required: AWS does not report the block of {view.connection.id} while it is "
            f"{view.connection.status}, only once it is active.",
            "block",
        )
    overlapping = [one for one in vpc.cidr_blocks if block is not None and do_overlap(block, one)]
    if overlapping:
        raise TaskError(
            f"{as_option('atlas_cidr_block')} {block} overlaps {', '.join(overlapping)} of the VPC {vpc.id}.",
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
            f"The VPC behind {connection.id} has {', '.join(shown)}, not {as_option('atlas_cidr_block')} {wanted}.",
            hint=f"Correct {as_option('atlas_cidr_block')}, or connection_id if this is not the connection of your project.",
        )
    if wanted is None and len(shown) > 1:
        raise TaskError(
            f"The VPC behind {connection.id} has several blocks: {', '.join(shown)}.",
            hint=f"Set {as_option('atlas_cidr_block')} to the one of Atlas's network container.",
        )
    return wanted or shown[0]


def no_block_error(connection: PeeringConnection, block: str | None) -> TaskError:
    """Return the error for a connection whose block AWS does not show in time."""
    return TaskError(
        f"The {as_form('VPC peering connection')} {connection.id} {as_form('is', 'are')} {connection.status}, and AWS does not "
        "report yet which block is "
        f"behind it: no route was made, since {as_option('atlas_cidr_block')} {block} could not be compared.",
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
        f"The {as_form('VPC peering connection')} {connection_id} {as_form('is', 'are')} still {status} after "
        f"{error.span} of waiting for "
        f"{goal}.{silence}",
        detail=f"last status {status}",
        hint=f"Raise {as_option('wait_timeout')}, or run the task again later: it goes on from there.",
    )


def _is_within(part: str, block: str) -> bool:
    return ipaddress.IPv4Network(part).subnet_of(ipaddress.IPv4Network(block))


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


def to_tags(option: str, value: t.Mapping[object, object] | None) -> dict[str, str]:
    """Return the tags of an option as text.

    Raises:
        InvalidOptionError: If a value is not text, or AWS would refuse the tag.
    """
    tags = {}
    for key, content in (value or {}).items():
        if content is None or isinstance(content, (bool, dict, list)):
            # The spelling of a boolean is lost: yes and true are the same by now.
            raise InvalidOptionError(
                f"{as_option(option)} has no text for {key!r}.", hint="Write the value of the tag in quotes; it may be empty."
            )
        name, text = str(key), str(content)
        if not 0 < len(name) <= _MOST_TAG_KEY or len(text) > _MOST_TAG_VALUE:
            raise InvalidOptionError(
                f"{as_option(option)}: {name!r} is too long or empty.",
                hint=f"AWS takes keys of up to {_MOST_TAG_KEY} characters, and values of up to {_MOST_TAG_VALUE}.",
            )
        if option == "tags" and name.lower().startswith("aws:"):
            raise InvalidOptionError(
                f"{as_option('tags')} has {name!r}: names that begin with aws: are AWS's own.", hint="Choose another one."
            )
        tags[name] = text
    return tags
