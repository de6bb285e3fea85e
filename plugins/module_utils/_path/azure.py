# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The customer's half on AZURE: Atlas makes both sides of a peering, and needs a role on each VNet for that."""

from __future__ import annotations

import math
import typing as t
from dataclasses import replace
from functools import partial

from .._azure.access import Access
from .._azure.plan import (
    AccessState,
    is_ours,
    peerings_with_atlas,
    plan_absent,
    plan_present,
    state_after,
)
from .._azure.vnets import Vnet
from .._check.credentials import azure_credentials_of, azure_names
from .._check.session import CheckSession
from .._clouds.azure import AZURE, VnetId, is_atlas_network, role_name, vnet_id
from .._clouds.cloud import Peer, cloud_of, fields_of
from .._engine.operation import Operation
from .._engine.options import Parameters
from .._engine.plan import Change, Plan, Step
from .._http.errors import AuthError, InvalidOptionError, NotFoundError, TaskError
from .._http.pauses import Clock, Sleep
from .._http.session import bounded
from .._resources.containers import Container
from .._values.blocks import overlap
from .entries import PathEntry
from .part import Answers, PathPart, run_alone, task_of
from .path_state import ROLES, SIDES, PathState, Task, What

# The name of the step in results.
_ROLE = "role"
