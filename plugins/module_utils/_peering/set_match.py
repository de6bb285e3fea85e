# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which connections the entries of a declared list mean."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._clouds.cloud import provider_of
from .._http.errors import AtlasApiError, AtlasConnectionError, AtlasError
from .match import PeerMatch
from .set_state import PeerSetState


class PeerSetMatch:
    """Finds the connection of each entry out of the list of all.

    Args:
        matches: The matches of the single entries, by key.
    """

    def __init__(self, matches: t.Mapping[str, PeerMatch]) -> None:
        self._matches = matches

    def choose(self, state: PeerSetState) -> PeerSetState:
        """Return the state with the connection that each entry means now.

        What this task has done it does not do again, even if the list does not show it yet.

        Raises:
            AtlasError: If the network containers are needed and cannot be read.
        """
        entries, unclear = dict(state.entries), {}
        for key, match in self._matches.items():
            if key in state.done and state.done[key].after is not None:
                continue
            earlier = entries.pop(key, None)
            try:
                own = match.choose([peer for peer in state.listed if provider_of(peer) is match.peers.provider])
            except (AtlasApiError, AtlasConnectionError):
                raise
            except AtlasError as error:
                unclear[key] = error
                continue
            template = earlier.template if earlier is not None else None
            if template is None and len(own.dying) == 1:
                template = own.dying[0]
            entries[key] = replace(own, listed=(), template=template)
        return replace(state, entries=entries, unclear=unclear)
