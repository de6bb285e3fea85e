"""Writes what follows from the argument specs into the files that have it: the options of the check into its playbook."""

from __future__ import annotations

import re
import sys

from checkout import ROOT, exit_with, linked_collection

PLAYBOOK = ROOT / "playbooks" / "check.yml"
MODULE = "cloudpeer.atlas.atlas_vpc_peer_check"


def with_options(playbook: str, names: list[str]) -> str:
    """Return the text of the playbook in which the check has these options, each with the variable of its own."""
    lines = "".join(f'        {name}: "{{{{ peering_check_{name} | default(omit) }}}}"\n' for name in sorted(names))
    return re.sub(rf"(?<=\n      {re.escape(MODULE)}:\n)(?: {{8}}.*\n)*", lambda unused: lines, playbook)


def main() -> int:
    """Write the playbook, and return 0."""
    with linked_collection() as link:
        sys.path.insert(0, str(link.parents[2]))
        from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_check import OPERATION

        playbook = PLAYBOOK.read_text(encoding="utf-8")
        PLAYBOOK.write_text(with_options(playbook, [*OPERATION.argument_spec.options]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    exit_with(main)
