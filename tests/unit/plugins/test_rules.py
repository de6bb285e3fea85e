# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules for option values: what passes, what does not, and whether the message names the option and the way out."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._rules import check_object_id, check_private_network, to_aws_region
from ansible_collections.cloudpeer.atlas.plugins.module_utils._vpc_peer import odd_identity_warnings

ID = "5356823b3794dee37132bb7b"


def test_an_object_id_passes() -> None:
    check_object_id("group_id", ID)


@pytest.mark.parametrize(
    "value", [ID[:-1], ID + "0", ID + "\n", " " + ID, "g" * 24, ID.replace("5", "\u0665"), "../" + ID[3:], "my-project"]
)
def test_what_is_no_object_id_is_named(value: str) -> None:
    with pytest.raises(InvalidOptionError, match=r"^group_id is malformed.*24 hexadecimal digits"):
        check_object_id("group_id", value)


@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_id_is_called_empty(value: str) -> None:
    with pytest.raises(InvalidOptionError, match=r"^group_id is empty\."):
        check_object_id("group_id", value)


def test_the_id_of_aws_is_recognised() -> None:
    with pytest.raises(InvalidOptionError, match=r"^peer_id .*pcx-0f3b9a6d7e8c12345.*AWS's id of the connection \(connection_id"):
        check_object_id("peer_id", "pcx-0f3b9a6d7e8c12345")
    with pytest.raises(InvalidOptionError, match=r"^container_id .*VPC.*vpc_id"):
        check_object_id("container_id", "vpc-0a1b2c3d4e5f67890")


@pytest.mark.parametrize(
    "value",
    ["10.0.0.0/8", "10.15.0.0/16", "172.16.0.0/12", "172.31.255.0/24", "192.168.0.0/24", "192.168.255.255/32", "10.0.0.0/32"],
)
def test_private_blocks_pass(value: str) -> None:
    assert str(check_private_network("route_table_cidr_block", value)) == value


@pytest.mark.parametrize(
    ("value", "cause", "way_out"),
    [
        ("", "not a CIDR block", "10.0.0.0/16"),
        ("ten", "not a CIDR block", "10.0.0.0/16"),
        ("10.0.0.0/33", "not a CIDR block", ""),
        ("10.0.0.0/-1", "not a CIDR block", ""),
        ("10.0.0/8", "not a CIDR block", ""),
        ("10.0.0.256/32", "not a CIDR block", ""),
        ("010.0.0.0/8", "not a CIDR block", ""),
        ("10.0.0.0/8/8", "not a CIDR block", ""),
        (" 10.0.0.0/8", "not a CIDR block", ""),
        ("10.0.0.0/8\n", "not a CIDR block", ""),
        ("\uff11\uff10.0.0.0/8", "not a CIDR block", ""),
        ("167772160", "not a CIDR block", ""),
        ("10.0.0.1", "prefix length", ""),
        ("10.15.0.1/16", "host bits", "10.15.0.0/16"),
        ("10.15.7.0/16", "host bits", "10.15.0.0/16"),
        ("10.0.0.0/255.0.0.0", "canonical", "10.0.0.0/8"),
        ("10.0.0.0/08", "canonical", "10.0.0.0/8"),
        ("fd00::/8", "IPv6", "IPv4"),
        ("::ffff:10.0.0.0/104", "IPv6", "IPv4"),
        ("fd00::1", "IPv6", "IPv4"),
        ("8.8.8.0/24", "not private", "192.168.0.0/16"),
        ("172.32.0.0/16", "not private", "172.16.0.0/12"),
        ("172.0.0.0/8", "not private", ""),
        ("0.0.0.0/0", "not private", ""),
        ("100.64.0.0/10", "not private", ""),
        ("127.0.0.0/8", "not private", ""),
        ("169.254.0.0/16", "not private", ""),
        ("192.0.2.0/24", "not private", ""),
    ],
)
def test_other_blocks_are_refused_with_the_cause(value: str, cause: str, way_out: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        check_private_network("route_table_cidr_block", value)
    text = str(caught.value)
    assert text.startswith("route_table_cidr_block ")
    assert cause in text
    assert way_out in text
    assert repr(value) in text


@pytest.mark.parametrize("value", ["us-east-1", "US_EAST_1", "us_east_1", "US-EAST-1", " us-east-1 "])
def test_a_region_has_one_meaning_however_it_is_written(value: str) -> None:
    assert to_aws_region("accepter_region_name", value) == "us-east-1"


@pytest.mark.parametrize(
    "value", ["eu-central-1", "ap-southeast-3", "us-gov-west-1", "mx-central-1", "us-iso-east-1", "cn-northwest-1"]
)
def test_regions_that_aws_may_have_pass(value: str) -> None:
    assert to_aws_region("accepter_region_name", value) == value


@pytest.mark.parametrize(
    "value", ["", "east", "us-east", "us-east-1a", "us east 1", "europe-west1", "eastus", "us-east-\u0661", "1"]
)
def test_what_is_no_region_is_named(value: str) -> None:
    with pytest.raises(InvalidOptionError, match=r"^accepter_region_name is not an AWS region.*us-east-1 or US_EAST_1"):
        to_aws_region("accepter_region_name", value)


@pytest.mark.parametrize(
    ("account", "vpc", "named"),
    [
        ("123456789012", "vpc-0a1b2c3d4e5f67890", []),
        ("000000000001", "vpc-0a1b2c3d", []),
        (None, None, []),
        ("12345678901", "vpc-0a1b2c3d", ["aws_account_id"]),
        ("abc123abc123", "vpc-123456", ["aws_account_id", "vpc_id"]),
        ("\u0661" * 12, "vpc-0a1b2c3d", ["aws_account_id"]),
        ("123456789012\n", "vpc-0A1B2C3D", ["aws_account_id", "vpc_id"]),
        ("123456789012", "pcx-0a1b2c3d", ["vpc_id"]),
        ("123456789012", "vpc-0a1b2c3d4", ["vpc_id"]),
    ],
)
def test_odd_ids_of_aws_are_warned_about(account: str | None, vpc: str | None, named: list[str]) -> None:
    warnings = odd_identity_warnings({"aws_account_id": account, "vpc_id": vpc})
    assert [warning.split(" ")[0] for warning in warnings] == named


def test_a_lost_leading_zero_is_suspected() -> None:
    (warning,) = odd_identity_warnings({"aws_account_id": "12345678901", "vpc_id": None})
    assert "leading zero" in warning
