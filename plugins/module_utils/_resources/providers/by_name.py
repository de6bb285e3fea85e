# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A table of the cloud providers that reads the code of one when it is asked for: most tasks are about one cloud."""

from __future__ import annotations

import typing as t

Entry = t.TypeVar("Entry")


class ByName(t.Mapping[str, Entry]):
    """What there is for each cloud provider, by its `providerName`.

    A module's process compiles each file anew. So `load` imports the file of its cloud, and only the names are known before.

    Args:
        load: Returns the entry of each provider.
    """

    def __init__(self, load: t.Mapping[str, t.Callable[[], Entry]]) -> None:
        self._load = load

    def __getitem__(self, name: str) -> Entry:
        """Return the entry of a provider."""
        return self._load[name]()

    def __iter__(self) -> t.Iterator[str]:
        """Yield the names, and read nothing."""
        return iter(self._load)

    def __len__(self) -> int:
        """Return how many providers there are."""
        return len(self._load)
