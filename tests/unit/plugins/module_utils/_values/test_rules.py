"""Rules for option values: what passes, what does not, and whether the message names the option and the way out."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.aws import AWS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.aws import AWS_REGIONS as KNOWN_REGIONS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import parse_option, parse_region, parse_values
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError, shown
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.blocks import parse_private_block
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.ids import (
    parse_account_id,
    parse_connection_id,
    parse_object_id,
    parse_vpc_id,
)
from ansible_collections.cloudpeer.atlas.tests.emulator.regions import AWS_REGIONS

ID = "5356823b3794dee37132bb7b"


def test_an_object_id_passes() -> None:
    parse_option("group_id", ID, parse_object_id)


@pytest.mark.parametrize(
    "value", [ID[:-1], ID + "0", ID + "\n", " " + ID, "g" * 24, ID.replace("5", "\u0665"), "../" + ID[3:], "my-project"]
)
def test_what_is_no_object_id_is_named(value: str) -> None:
    with pytest.raises(InvalidOptionError, match=r"^group_id is malformed.*24 hexadecimal digits"):
        parse_option("group_id", value, parse_object_id)


def test_the_name_of_a_project_belongs_elsewhere() -> None:
    with pytest.raises(
        InvalidOptionError, match=r"^group_id is malformed: 'shop'.*The name of a project belongs in project_name\.$"
    ):
        parse_values({"group_id": "shop", "api_version": "v2"})


@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_id_is_called_empty(value: str) -> None:
    with pytest.raises(InvalidOptionError, match=r"^group_id is empty\."):
        parse_option("group_id", value, parse_object_id)


def test_the_id_of_aws_is_recognised() -> None:
    with pytest.raises(InvalidOptionError, match=r"^peer_id .*pcx-0f3b9a6d7e8c12345.*AWS's id of the connection \(connection_id"):
        parse_option("peer_id", "pcx-0f3b9a6d7e8c12345", parse_object_id)
    with pytest.raises(InvalidOptionError, match=r"^container_id .*VPC.*vpc_id"):
        parse_option("container_id", "vpc-0a1b2c3d4e5f67890", parse_object_id)


@pytest.mark.parametrize(
    "value",
    ["10.0.0.0/8", "10.15.0.0/16", "172.16.0.0/12", "172.31.255.0/24", "192.168.0.0/24", "192.168.255.255/32", "10.0.0.0/32"],
)
def test_private_blocks_pass(value: str) -> None:
    assert str(parse_option("route_table_cidr_block", value, parse_private_block)) == value


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
        parse_option("route_table_cidr_block", value, parse_private_block)
    text = str(caught.value)
    assert text.startswith("route_table_cidr_block ")
    assert [word for word in (cause, way_out) if word not in text] == []
    assert repr(value) in text


@pytest.mark.parametrize("value", ["us-east-1", "US_EAST_1", "us_east_1", "US-EAST-1", " us-east-1 "])
def test_a_region_has_one_meaning_however_it_is_written(value: str) -> None:
    assert parse_option("accepter_region_name", value, KNOWN_REGIONS.parse) == "us-east-1"


@pytest.mark.parametrize(
    "value",
    ["eu-central-1", "eusc-de-east-1", "ap-southeast-3", "us-gov-west-1", "mx-central-1", "us-iso-east-1", "cn-northwest-1"],
)
def test_regions_that_aws_may_have_pass(value: str) -> None:
    assert parse_option("accepter_region_name", value, KNOWN_REGIONS.parse) == value


@pytest.mark.parametrize(
    "value", ["", "east", "us-east", "us-east-1a", "us east 1", "europe-west1", "eastus", "us-east-\u0661", "1"]
)
def test_what_is_no_region_is_named(value: str) -> None:
    with pytest.raises(InvalidOptionError, match=r"^accepter_region_name is not an AWS region.*us-east-1 or US_EAST_1"):
        parse_option("accepter_region_name", value, KNOWN_REGIONS.parse)


GOOD_IDS = {
    "aws_account_id": ["123456789012", "000000000001"],
    "vpc_id": ["vpc-0a1b2c3d4e5f67890", "vpc-0a1b2c3d"],
    "connection_id": ["pcx-0f3b9a6d7e8c12345", "pcx-0f3b9a6d"],
}
#: What is not an id of AWS, and what the message has to say beside the value.
BAD_IDS = [
    ("aws_account_id", "abc123abc123", "12 digits"),
    ("aws_account_id", "1234567890123", "12 digits"),
    ("aws_account_id", "\u0661" * 12, "12 digits"),
    ("aws_account_id", "123456789012\n", "Write it as 123456789012"),
    ("aws_account_id", " 123456789012", "Write it as 123456789012"),
    ("aws_account_id", "1234-5678-9012", "Write it as 123456789012"),
    # A leading zero that got lost, in YAML or in a spreadsheet.
    ("aws_account_id", "12345678901", "'012345678901'"),
    # What YAML makes of numbers that begin with 0: they are octal.
    ("aws_account_id", str(0o12345670123), "octal, so 012345670123 was"),
    ("aws_account_id", "1402433619", "octal, so 012345670123 was"),
    ("aws_account_id", str(0o77777777777), "octal, so 077777777777 was"),
    ("aws_account_id", "1", "octal, so 000000000001 was"),
    ("aws_account_id", str(0o77777777777 + 1), "12 digits"),
    ("vpc_id", "vpc-123456", "17 hexadecimal digits"),
    ("vpc_id", "vpc-0A1B2C3D", "Write it as vpc-0a1b2c3d"),
    ("vpc_id", " vpc-0a1b2c3d ", "Write it as vpc-0a1b2c3d"),
    ("vpc_id", "pcx-0a1b2c3d", "17 hexadecimal digits"),
    ("vpc_id", "vpc-0a1b2c3d4", "17 hexadecimal digits"),
    ("vpc_id", "vpc-0a1b2c3d\n", "Write it as vpc-0a1b2c3d"),
    ("connection_id", "vpc-0a1b2c3d", "17 hexadecimal digits"),
    ("connection_id", ID, "belongs in peer_id"),
]
PARSERS = {"aws_account_id": parse_account_id, "vpc_id": parse_vpc_id, "connection_id": parse_connection_id}


@pytest.mark.parametrize(("option", "value"), [(option, value) for option, values in GOOD_IDS.items() for value in values])
def test_ids_of_aws_pass(option: str, value: str) -> None:
    parse_option(option, value, PARSERS[option])
    for version in ("v2", "v1.0"):
        assert parse_values({"api_version": version, option: value})[1] == []


@pytest.mark.parametrize(("option", "value", "way_out"), BAD_IDS)
def test_what_is_not_an_id_of_aws_is_refused_with_a_guess(option: str, value: str, way_out: str) -> None:
    for check in (
        lambda: parse_option(option, value, PARSERS[option]),
        lambda: parse_values({"api_version": "v2", option: value}),
    ):
        with pytest.raises(InvalidOptionError) as caught:
            check()
        text = str(caught.value)
        assert text.startswith(f"{option} is not the id of ")
        assert repr(value) in text
        assert way_out in text


@pytest.mark.parametrize(("option", "value", "way_out"), BAD_IDS)
def test_with_version_1_they_are_warned_about(option: str, value: str, way_out: str) -> None:
    unused, (warning,) = parse_values({"api_version": "v1.0", option: value})
    assert shown(warning).startswith(f"{option} is not the id of ")
    assert way_out in warning


@pytest.mark.parametrize("option", PARSERS)
@pytest.mark.parametrize("version", ["v2", "v1.0"])
@pytest.mark.parametrize("value", ["", " ", "\n"])
def test_an_empty_id_is_refused_with_each_version(option: str, version: str, value: str) -> None:
    with pytest.raises(InvalidOptionError, match=f"^{option} is empty"):
        parse_values({"api_version": version, option: value})


def test_yaml_reads_an_account_as_octal_as_the_hint_says() -> None:
    assert yaml.safe_load("012345670123") == 1402433619
    # Not octal, because of the 9: YAML leaves it alone.
    assert yaml.safe_load("012345678901") == "012345678901"


def test_unknown_regions_are_warned_about_and_never_refused() -> None:
    assert parse_region("region_name", "EU_WEST_1", AWS) == ("eu-west-1", [])
    region, (warning,) = parse_region("region_name", "eu-west-9", AWS)
    assert region == "eu-west-9"
    assert shown(warning).startswith("region_name 'eu-west-9' is not a region of AWS that")
    with pytest.raises(InvalidOptionError, match=r"^region_name is not an AWS region"):
        parse_region("region_name", "europe", AWS)


def test_the_known_regions_are_those_of_the_emulator() -> None:
    """The two lists are kept apart, so each would show a mistake in the other."""
    assert {region.lower().replace("_", "-") for region in AWS_REGIONS} == {*KNOWN_REGIONS.names.values()}
