# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_access_list_info does: it reads the entries that the options select."""

from __future__ import annotations

import ipaddress
import typing as t
from functools import partial

from .._engine.argspec import CONNECTION, ArgumentSpec
from .._engine.options import Parameters
from .._http.errors import InvalidOptionError, TaskError
from .._resources.access_list import ENTRY_FORMS, NO_ENTRY, AccessList, fits_group, in_both_forms
from .._values.blocks import network_in
from .._values.patterns import Fits, InvalidValueError, fits_shell, matches, parse_pattern
from .atlas import AtlasOperation
from .over_projects import over_projects

_Entries = list[t.Mapping[str, object]]
_FITS: dict[str, Fits] = {**dict.fromkeys(ENTRY_FORMS, fits_shell), "aws_security_group": partial(fits_group, fits=fits_shell)}


class AtlasAccessListInfo(AtlasOperation[_Entries]):
    """Reads entries of the IP access list of a project."""

    argument_spec = CONNECTION + ArgumentSpec(
        {
            **{name: {"type": "str"} for name in ENTRY_FORMS},
            "contains": {"type": "str"},
            "include_status": {"type": "bool", "default": False},
        }
    )
    noun = "access_list"

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options, and add those that entries have to match as one `pattern`."""
        params, warnings = super().validate(params)
        wanted = {name: params[name] for name in ENTRY_FORMS if params[name] is not None}
        try:
            pattern = parse_pattern(wanted, ENTRY_FORMS, wildcards="*?[") if wanted else {}
        except InvalidValueError as error:
            raise InvalidOptionError(f"{error}.", hint=error.hint) from None
        return {**params, "pattern": pattern, "contains": _parse_network(params["contains"])}, warnings

    def look(self) -> _Entries:
        """Read the list, and select the entries that fit every option."""
        access_list, part = AccessList(self.session, self.params["group_id"]), self.params["contains"]
        found = {
            name: entry
            for name, entry in access_list.list_entries().items()
            if matches(self.params["pattern"], in_both_forms(entry), _FITS) and (part is None or _holds(name, part))
        }
        return self._with_statuses(access_list, found) if self.params["include_status"] else [*found.values()]

    def _with_statuses(self, access_list: AccessList, entries: t.Mapping[str, t.Mapping[str, object]]) -> _Entries:
        """Return entries with their statuses, without those that are gone meanwhile."""
        statuses = self.read_all({name: partial(access_list.get_status, name) for name in entries})
        found: _Entries = []
        for name, status in statuses.items():
            if isinstance(status, TaskError):
                if status.error_code not in NO_ENTRY:
                    raise status
            else:
                found.append({**entries[name], "status": status})
        return found


def _parse_network(value: str | None) -> t.Any:
    """Return the network of an address or a block; None for None.

    Raises:
        InvalidOptionError: If it is neither.
    """
    try:
        return None if value is None else ipaddress.ip_network(value)
    except ValueError:
        raise InvalidOptionError(
            f"contains is neither an address nor a CIDR block without host bits: {value!r}.",
            hint="Give one such as 10.0.0.5 or 10.0.0.0/16.",
        ) from None


def _holds(name: str, part: t.Any) -> bool:
    """Whether an entry (by its key) contains a whole network."""
    network = network_in(name)
    return network is not None and bool(network.version == part.version and part.subnet_of(network))


OPERATION = over_projects(AtlasAccessListInfo, lambda entry: entry.get("status"))
