# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that say how to reach AWS, and how to sign in."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of ArgumentSpec AWS_OPTIONS, and those of AWS_SPEC that mean the same in all modules with other clouds."""

    DOCUMENTATION = r"""
options:
  region:
    description:
      - The AWS region of the VPC, written as V(us-east-1) or V(US_EAST_1).
      - If this is not set, the environment variable E(AWS_REGION) is used, then E(AWS_DEFAULT_REGION), and then the region of the
        profile.
    type: str
    aliases: [aws_region]
  profile:
    description:
      - The name of a profile in the AWS configuration files of the host that runs the task.
      - It takes precedence over credentials in environment variables. It cannot be combined with O(access_key).
      - If neither O(profile) nor O(access_key) is set, boto3 looks for credentials as usual, for example in E(AWS_PROFILE),
        in E(AWS_ACCESS_KEY_ID), and in the role of the instance.
    type: str
    aliases: [aws_profile]
  access_key:
    description: The id of an AWS access key, together with O(secret_key).
    type: str
    aliases: [aws_access_key_id, aws_access_key]
  secret_key:
    description: The secret of the AWS access key.
    type: str
    aliases: [aws_secret_access_key, aws_secret_key]
  session_token:
    description: The session token of O(access_key) if that is a temporary key.
    type: str
    aliases: [aws_session_token]
  assume_role_arn:
    description:
      - The ARN of an IAM role to assume with the credentials. The task does everything as this role, and assumes it again before
        its credentials expire.
      - V({account}) in it stands for O(aws_account_id), which is required then. So V(arn:aws:iam::{account}:role/network) is the
        role of this name in each account, since 3.1.0.
    type: str
    aliases: [iam_role_arn]
  accounts:
    description:
      - The credentials of some accounts, in place of O(assume_role_arn), O(profile) and O(access_key). The keys are ids of
        accounts, in quotes, and O(aws_account_id) chooses one, so it is required.
      - Each has C(assume_role_arn), C(profile), or both. A role without C(profile) is assumed with the credentials of the task.
      - There are no secrets in it, so it may stand in C(group_vars).
    type: dict
    aliases: [aws_accounts]
    version_added: 3.1.0
  endpoint_url:
    description:
      - The address of EC2 and STS, instead of AWS's own address for the region.
      - For STS, the environment variable E(AWS_ENDPOINT_URL_STS) takes precedence over this option.
    type: str
    aliases: [aws_endpoint_url]
  aws_ca_bundle:
    description: A PEM file with the certificates of the authorities to trust, instead of those that boto3 trusts.
    type: path
requirements:
  - boto3 1.28 or later
notes:
  - AWS limits the requests of an account in a region, for each action, whoever sends them. If it refuses one for that
    (C(RequestLimitExceeded), C(Throttling)), the task sends it again, after pauses of up to 20 seconds, until O(wait_timeout) has
    passed, with O(wait=false) too. boto3 repeats nothing by itself, so E(AWS_RETRY_MODE) and E(AWS_MAX_ATTEMPTS) are not used.
  - A request that reads AWS may take 30 seconds, and is repeated up to four times. One that changes something may take a minute.
    Neither takes longer than O(wait_timeout).
"""

    PREFIXED = r"""
options:
  aws_region:
    description: The AWS region of a VPC for which neither its entry nor Atlas has one. Else E(AWS_REGION), E(AWS_DEFAULT_REGION),
      or that of the AWS profile.
    type: str
  aws_profile:
    description: A profile in the AWS files of this host. Without it and O(aws_access_key), boto3 looks in its usual places.
    type: str
  aws_access_key:
    description: The id of an AWS access key.
    type: str
  aws_secret_key:
    description: The secret of the AWS access key.
    type: str
  aws_session_token:
    description: The session token of a temporary AWS access key.
    type: str
  aws_accounts:
    description: The credentials of single accounts. The keys are ids of accounts, in quotes. Each has C(assume_role_arn),
      C(profile), or both. What an entry has counts before.
    type: dict
  aws_ca_bundle:
    description: A PEM file with the authorities that boto3 trusts.
    type: path
"""
