# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors that say more than a refusal of Atlas: with the container, and with the words of the reply."""

from __future__ import annotations

import typing as t

from .._clouds.cloud import Provider
from .._engine.options import Parameters
from .._http.errors import AtlasError, InvalidOptionError
from .._resources.containers import Container

Error = t.TypeVar("Error", bound=AtlasError)


def with_reply_of(refusal: AtlasError, better: Error) -> Error:
    """Return an error that says more than a refusal, with the status, the code and the words of its reply."""
    better.http_status, better.error_code, better.detail = refusal.http_status, refusal.error_code, refusal.detail
    return better


def no_such_container(params: Parameters, provider: Provider, container_id: str) -> InvalidOptionError:
    """Return the error for a container that a project does not have."""
    is_option = container_id == params["container_id"]
    found = f"Check it, or leave it out to have the container on {provider.name} found."
    return InvalidOptionError(
        f"{'container_id: p' if is_option else 'P'}roject {params['group_id']} has no network container {container_id}.",
        hint=found if is_option else "Run the task again.",
    )


def on_other_cloud(provider: Provider, container: Container) -> InvalidOptionError:
    """Return the error for a container that another provider has."""
    return InvalidOptionError(
        f"container_id: network container {container['id']} is on {container['provider_name']}, not on {provider.name}.",
        hint=f"Leave it out to have the container on {provider.name} found.",
    )


def missing_here(params: Parameters, provider: Provider, container_id: str, found: Container | None) -> t.NoReturn:
    """Fail for a container that is not among those of a provider.

    Args:
        params: The options.
        provider: The provider.
        container_id: Its id.
        found: The container, if another provider has it.

    Raises:
        InvalidOptionError: Always.
    """
    raise no_such_container(params, provider, container_id) if found is None else on_other_cloud(provider, found)
