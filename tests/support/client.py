"""What tests of the client have: the types of the fixtures that make clients and servers, and what is asked for."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.tests.support.wire import Wire

Connect = Callable[..., AtlasClient]
Serve = Callable[..., Wire]
GROUP = ("groups", "5356823b3794dee37132bb7b")
PEERS = (*GROUP, "peers")
