"""Access to the EC2 of several AWS accounts at one endpoint. The only file that imports boto3."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any

import boto3  # type: ignore[import-untyped]
import botocore.session  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError  # type: ignore[import-untyped]
from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]

from .clouds import CloudRefusalError, CloudUnreachableError

#: Refusals that say nothing about what was asked for: credentials that the endpoint does not know (any more), too many
#: requests. See "Common client errors" in the EC2 API reference.
_LATER = ("AuthFailure", "ExpiredToken", "InvalidClientTokenId", "OptInRequired", "RequestLimitExceeded", "UnauthorizedOperation")
CONNECT_SECONDS = 2.0
READ_SECONDS = 8.0
#: How long nothing is asked any more after no answer came in time: else every request would wait for that.
PAUSE_SECONDS = 5.0
_STS_REGION = "us-east-1"


class AwsSession:
    """EC2 clients, one for every account and region, with credentials that STS gives for a role of the account.

    Neither the environment's credentials nor its profile, configuration files or proxies are used.

    Args:
        endpoint_url: Where every service of AWS is.
    """

    def __init__(self, endpoint_url: str) -> None:
        """Prepare; nothing is asked of the endpoint yet."""
        # The names of the variables and the defaults that botocore would take them from: none.
        nothing = dict.fromkeys(("profile", "region", "endpoint_url"), (None, None, None, None))
        files = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
        self._session = boto3.session.Session(botocore_session=botocore.session.Session({**nothing, **files}))
        self._options: dict[str, Any] = {
            "endpoint_url": endpoint_url,
            "config": Config(
                connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": 1}, proxies={}
            ),
        }
        self._clients: dict[tuple[str, str], Any] = {}
        self._silent_until = 0.0

    def forget(self) -> None:
        """Get new credentials the next time."""
        self._clients.clear()

    @contextlib.contextmanager
    def ec2(self, account_id: str, region: str) -> Iterator[Any]:
        """Give the EC2 client of an account in a region, and translate what goes wrong with it.

        Raises:
            CloudRefusalError: When AWS refuses what is asked for, with AWS's message.
            CloudUnreachableError: When AWS cannot be reached, has a fault or wants to be asked later.
        """
        if time.monotonic() < self._silent_until:
            raise CloudUnreachableError("AWS gave no answer in time")
        try:
            yield self._client(account_id, region)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            if status >= 500 or error.response.get("Error", {}).get("Code") in _LATER:
                self.forget()
                raise CloudUnreachableError(str(error)) from error
            raise CloudRefusalError(str(error)) from error
        except (ConnectTimeoutError, ReadTimeoutError) as error:
            self._silent_until = time.monotonic() + PAUSE_SECONDS
            raise CloudUnreachableError(str(error)) from error
        except (BotoCoreError, ResponseParserError, OSError) as error:
            raise CloudUnreachableError(str(error)) from error

    def _client(self, account_id: str, region: str) -> Any:
        key = (account_id, region)
        if key not in self._clients:
            sts = self._session.client(
                "sts", region_name=_STS_REGION, aws_access_key_id="emulator", aws_secret_access_key="emulator", **self._options
            )
            role = f"arn:aws:iam::{account_id}:role/emulator"
            given = sts.assume_role(RoleArn=role, RoleSessionName="emulator")["Credentials"]
            self._clients[key] = self._session.client(
                "ec2",
                region_name=region,
                aws_access_key_id=given["AccessKeyId"],
                aws_secret_access_key=given["SecretAccessKey"],
                aws_session_token=given["SessionToken"],
                **self._options,
            )
        return self._clients[key]
