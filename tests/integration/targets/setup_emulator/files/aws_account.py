"""Makes a VPC in a user's account of an AWS (moto's server), and prints how to act as that account.

Its arguments are the address of AWS and the block of the VPC.
"""

from __future__ import annotations

import json
import sys

import boto3

REGION = "us-east-1"
# Neither Atlas's account nor the one that moto uses for callers that do not say who they are.
ACCOUNT = "111122223333"

url, block = sys.argv[1:]
options = {"region_name": REGION, "endpoint_url": url}
sts = boto3.client("sts", aws_access_key_id="user", aws_secret_access_key="user", **options)
keys = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/user", RoleSessionName="integration")["Credentials"]
ec2 = boto3.client(
    "ec2",
    aws_access_key_id=keys["AccessKeyId"],
    aws_secret_access_key=keys["SecretAccessKey"],
    aws_session_token=keys["SessionToken"],
    **options,
)
print(
    json.dumps(
        {
            "account_id": ACCOUNT,
            "vpc_id": ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"],
            "environment": {
                "AWS_ENDPOINT_URL": url,
                "AWS_REGION": REGION,
                "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
                "AWS_SESSION_TOKEN": keys["SessionToken"],
                "AWS_EC2_METADATA_DISABLED": "true",
            },
        }
    )
)
