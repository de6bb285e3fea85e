"""What botocore works out for each client and session is worked out once for a process, and for those that it forks.

It imports nothing of the collection: what forks ansible-core's commands may not have imported that.
"""

from __future__ import annotations

import functools
from typing import Any

import botocore.client
import botocore.hooks
import botocore.loaders
import botocore.regions
import botocore.session

#: What the collection asks.
SERVICES = ("ec2", "sts")


@functools.cache
def share() -> None:
    """Change botocore for the rest of this process."""
    _share_client_classes()
    _share_descriptions()
    _share_names()
    _share_endpoints()
    _copy_hooks_at_once()


def share_before_forking() -> None:
    """Change botocore, and have it work out now what processes that are forked would work out, each for itself."""
    share()
    session = botocore.session.Session()
    for service in SERVICES:
        session.create_client(service, region_name="us-east-1", aws_access_key_id="nobody's", aws_secret_access_key="nobody's")


def _share_client_classes() -> None:
    """Let botocore make the class of a service's clients once.

    It makes one for each client, with its 700 methods for EC2, which takes longer than all that a test asks. All are the same.
    """
    made: dict[str, Any] = {}
    make = botocore.client.ClientCreator._create_client_class

    def make_once(self: Any, service_name: str, service_model: Any) -> Any:
        if service_name not in made:
            made[service_name] = make(self, service_name, service_model)
        return made[service_name]

    botocore.client.ClientCreator._create_client_class = make_once


def _share_descriptions() -> None:
    """Let botocore read what it knows of a service once, and not for each session.

    EC2 is described in three megabytes of JSON.
    """
    load, read = botocore.loaders.Loader.load_service_model, botocore.loaders.Loader.load_data_with_path
    describe = botocore.client.ClientCreator._load_service_model
    loaded: dict[tuple[Any, ...], Any] = {}
    described: dict[tuple[Any, ...], Any] = {}
    files: dict[str, Any] = {}

    def load_once(self: Any, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        key = (service_name, type_name, api_version)
        if key not in loaded:
            loaded[key] = load(self, service_name, type_name, api_version=api_version)
        return loaded[key]

    def read_once(self: Any, name: str) -> Any:
        if name not in files:
            files[name] = read(self, name)
        return files[name]

    def describe_once(self: Any, service_name: str, api_version: str | None = None) -> Any:
        key = (service_name, api_version)
        if key not in described:
            described[key] = describe(self, service_name, api_version=api_version)
        return described[key]

    botocore.loaders.Loader.load_service_model = load_once
    botocore.loaders.Loader.load_data_with_path = read_once
    botocore.client.ClientCreator._load_service_model = describe_once


def _share_names() -> None:
    """Let botocore work out the names of its 140 hooks, and what they take, once, and not for each session."""
    takes = functools.lru_cache(botocore.hooks.accepts_kwargs)
    names: dict[str, str] = {}
    alias = botocore.hooks.EventAliaser._alias_event_name

    def alias_once(self: Any, name: str) -> str:
        if name not in names:
            names[name] = alias(self, name)
        return names[name]

    botocore.hooks.EventAliaser._alias_event_name = alias_once
    botocore.hooks.accepts_kwargs = lambda function: takes(getattr(function, "__func__", function))


def _share_endpoints() -> None:
    """Let botocore read the rules for a service's endpoints once, and not for each client."""
    made: dict[int, Any] = {}
    make = botocore.regions.EndpointProvider

    def make_once(ruleset_data: Any, partition_data: Any, excluded_params: Any = None) -> Any:
        # What is read of a file is kept by now, so that its address tells it from others.
        if id(ruleset_data) not in made:
            made[id(ruleset_data)] = make(ruleset_data, partition_data, excluded_params)
        return made[id(ruleset_data)]

    botocore.regions.EndpointProvider = make_once


def _copy_hooks_at_once() -> None:
    """Let botocore copy its tree of hooks, which it does for each client, in a third of the time."""
    kind = botocore.hooks.NodeList

    def copy(node: dict[str, Any]) -> dict[str, Any]:
        return {
            name: kind(one.first[:], one.middle[:], one.last[:])
            if isinstance(one, kind)
            else copy(one)
            if isinstance(one, dict)
            else one
            for name, one in node.items()
        }

    botocore.hooks._PrefixTrie._recursive_copy = staticmethod(copy)
