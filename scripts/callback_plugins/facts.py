# Copyright (c) The cloudpeer.atlas maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what a run did as JSON, beside the usual output, so that the demo need not read text made for people."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: facts
type: notification
short_description: Writes what a run did as JSON
description: Writes the numbers of the recap and the last C(vpc_peer) result to the file that DEMO_FACTS_FILE names.
"""


class CallbackModule(CallbackBase):
    """Collects while a playbook runs, writes when it ends."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "facts"

    def __init__(self) -> None:
        """Begin without a connection."""
        super().__init__()
        self.peer: dict[str, Any] | None = None

    def v2_runner_on_ok(self, result: Any) -> None:
        """Keep the connection that a task returned."""
        self.peer = result._result.get("vpc_peer") or self.peer

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Write the totals of all hosts and the connection."""
        hosts = [stats.summarize(host) for host in stats.processed]
        totals = {key: sum(host[key] for host in hosts) for key in ("ok", "changed", "failures", "unreachable")}
        Path(os.environ["DEMO_FACTS_FILE"]).write_text(json.dumps({**totals, "vpc_peer": self.peer}), encoding="utf-8")
