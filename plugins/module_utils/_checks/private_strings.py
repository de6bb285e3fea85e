# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A501, G501: the connection strings with private addresses, which AZURE and GCP cannot do without. Pure."""

from __future__ import annotations

from .._clouds.checked import AZURE, GCP
from .check import Finding, Findings, check
from .cluster_facts import has_private_string, is_running, need_clusters
from .facts import Facts

_CAUSES = ("P101", "P102", "P201")


@check("A501", waits_for=_CAUSES, clouds=(AZURE.name,))
def find_no_private_strings_on_azure(facts: Facts) -> Findings:
    """The judged clusters have private connection strings: all others resolve to public addresses."""
    yield from _find(facts)


@check("G501", waits_for=_CAUSES, clouds=(GCP.name,))
def find_no_private_strings_on_gcp(facts: Facts) -> Findings:
    """The judged clusters have private connection strings: all others resolve to public addresses."""
    yield from _find(facts)


def _find(facts: Facts) -> Findings:
    clusters = [one for one in need_clusters(facts) if is_running(one)]
    are_needed = facts.asked.clusters is not None or not any(map(has_private_string, clusters))
    for one in clusters:
        name = one["name"]
        if has_private_string(one):
            message = f"Use the private connection string of {name} (…-pri…): the other names resolve to public addresses."
            yield Finding("info", name, message)
            continue
        message = f"{name} has no private connection string, and its other names resolve to public addresses."
        fix = "Atlas adds it some minutes after the connection is AVAILABLE: check again, and then ask the support of Atlas."
        yield Finding("fail" if are_needed else "warn", name, message, fix)
