"""What signing in costs: an API key against the token of a service account, kept or not, for one task and for many hosts."""

from __future__ import annotations

from .hosts import hosts_of
from .runs import Measurement, Play, run
from .servers import ROUND_TRIP, distant_emulator, peers
from .tables import Findings, Progress, counts, decimal, table

HOSTS = 200
FORKS = 25


def measure(progress: Progress) -> Findings:
    """Run one task, and a task on many hosts, with each kind of credential."""
    found: dict[str, Measurement] = {}
    with distant_emulator(groups=HOSTS, max_tokens=5000, max_token_requests=5000) as atlas:
        settings = atlas.settings
        account = {
            "MONGODB_ATLAS_PUBLIC_API_KEY": None,
            "MONGODB_ATLAS_PRIVATE_API_KEY": None,
            "MONGODB_ATLAS_CLIENT_ID": settings.client_id,
            "MONGODB_ATLAS_CLIENT_SECRET": settings.client_secret,
        }
        kinds: dict[str, tuple[dict[str, str | None], bool]] = {
            "API key": ({}, True),
            "service account, token in the cache": (account, True),
            "service account, `token_cache: false`": (account, False),
        }
        for kind, (variables, is_kept) in kinds.items():
            item = {"peers": peers(1), "container_id": atlas.container_id}
            # The reset takes a kept token away, so how often a creation asks for one is a matter of the runs before it.
            play = Play("ours", item, {"token_cache": is_kept}, environment=variables, repeats=5, is_steady=False)
            progress(f"credentials: {kind}")
            found[f"one task: {kind}"] = run(atlas, play).measurements["nothing"]
        # Atlas gives too few tokens to ask for one on each of many hosts.
        for kind, (variables, is_kept) in kinds.items():
            if not is_kept:
                continue
            play = Play("hosts", hosts=hosts_of(atlas, HOSTS), forks=FORKS, environment=variables, is_steady=False)
            progress(f"credentials: {kind}, {HOSTS} hosts")
            found[f"{HOSTS} hosts, {FORKS} forks: {kind}"] = run(atlas, play).measurements["nothing"]
    return Findings(
        f"Signing in, over HTTPS and {ROUND_TRIP * 1000:.0f} ms away, with nothing to do:\n\n"
        + table(
            ["task: credential", "seconds", "requests / connections"],
            ([name, decimal(one.seconds, 2), counts(one)] for name, one in found.items()),
        )
    )
