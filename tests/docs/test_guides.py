"""What the guides show is right: their playbooks run, in the order in which they are read, and every failure is in the list."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import messages
import pytest
import yaml
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api import reply as _hints
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.aws import AWS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import CREATION_PAUSES
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources import access_list as _access_list
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources import containers as _containers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources import peers as _peers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.connection import NEW_FOR
from ansible_collections.cloudpeer.atlas.tests.clouds.server import running as running_clouds
from ansible_collections.cloudpeer.atlas.tests.emulator.server import running
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRunner

TEXTS = sorted(
    [
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs" / "guides").glob("*.md"),
        *(ROOT / "roles").glob("*/README.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    ]
)
# A comment before a block says how it is meant: "not run: why", "emulator: manual" where nobody accepts, or "file: name" of
# a file beside the playbooks; those for `all` hosts take it as their inventory.
BLOCK = re.compile(r"^(?:<!-- (?P<note>[a-z ]+: [^>]*) -->\n)?```ya?ml\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
MADE_BY_A_RELEASE = "CHANGELOG.md"
# The guide says so: whose connections are accepted is for the user to say.
EXPECTED_WARNING = "set atlas_aws_account_ids"
ACCOUNT, VPC, BLOCK_OF_VPC = "123456789012", "vpc-0a1b2c3d4e5f67890", "10.15.0.0/16"
DIRECTORY, SUBSCRIPTION = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "11111111-2222-3333-4444-555555555555"


@dataclass(frozen=True)
class Block:
    """A block of YAML in a text."""

    note: str
    text: str

    @property
    def content(self) -> Any:
        """What it says; Ansible's own `!unsafe` keeps a text from being a template."""
        return yaml.safe_load(self.text.replace(": !unsafe ", ": "))

    @property
    def is_playbook(self) -> bool:
        """Whether it can be run."""
        return isinstance(self.content, list) and all(isinstance(play, dict) and "hosts" in play for play in self.content)

    @property
    def is_run(self) -> bool:
        """Whether it is to be run here."""
        return not self.note.startswith(("not run: ", "file: "))

    @property
    def file(self) -> str:
        """The name of the file that it is; empty for none."""
        return self.note.removeprefix("file: ") if self.note.startswith("file: ") else ""

    @property
    def needs_stand_ins(self) -> bool:
        """Whether GCP or AZURE has to be there as well: their half is made."""
        if self._is_of_both_sides:
            return re.search(r"gcp_project_id:|vnet_resource_id:", self.text) is not None
        return re.search(r"atlas_gcp_peering:|atlas_azure_role:", self.text) is not None

    @property
    def needs_aws(self) -> bool:
        """Whether AWS has to be there as well."""
        has_half = re.search(r"\b(?:vpc_peering_)?aws: false", self.text) is None
        return self._is_of_both_sides and has_half and not self.needs_stand_ins

    @property
    def _is_of_both_sides(self) -> bool:
        return re.search(r"cloudpeer\.atlas\.(?:vpc_peering\b|atlas_peering:)", self.text) is not None


def blocks(file: Path) -> list[Block]:
    return [Block(match["note"] or "", match["text"]) for match in BLOCK.finditer(file.read_text(encoding="utf-8"))]


def relative(file: Path) -> str:
    return str(file.relative_to(ROOT))


# The others take long, and rarely fail where these do not.
USUAL = {"README", "index", "when_it_fails"}
WITH_PLAYBOOKS = [file for file in TEXTS if any(block.is_playbook and block.is_run for block in blocks(file))]


@pytest.fixture
def clouds(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Run an emulator, with an AWS beside it if a text needs one; give what runs a playbook against them."""
    file: Path = request.param
    manual = any(block.note == "emulator: manual" for block in blocks(file))
    settings: dict[str, Any] = {"step_seconds": 0.1, "accept": "manual" if manual else "auto", "groups": 3, "orgs": 2}
    if file.stem != "whole_organization":
        # What is said of one project is true for one.
        del settings["groups"], settings["orgs"]
    playbook = PlaybookRunner(tmp_path)
    if any(block.needs_stand_ins and block.is_run for block in blocks(file)):
        with running_clouds() as stand_ins:
            stand_ins.gcp.add_network("my-project", "my-network")
            stand_ins.azure.entra.tenant = DIRECTORY
            stand_ins.azure.add_vnet(SUBSCRIPTION, "my-group", "my-vnet", [BLOCK_OF_VPC])
            token = {"GCP_AUTH_KIND": "accesstoken", "GCP_ACCESS_TOKEN": stand_ins.tokens.issue()["access_token"]}
            signs_in = {**stand_ins.environment, **token, **stand_ins.azure.entra.variables}
            with running(Settings(**settings, clouds_url=stand_ins.control_url)) as emulator:
                yield lambda text: playbook(text, emulator, **signs_in)
        return
    if not any(block.needs_aws and block.is_run for block in blocks(file)):
        with running(Settings(**settings)) as emulator:
            # What the texts take from a vault.
            names = ("public_key", "private_key", "client_id", "client_secret")
            vault = {f"atlas_{name}": getattr(emulator.settings, name) for name in names}
            # The token cache of whoever runs the tests is none of theirs.
            variables = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
            # Both at once bring a warning.
            no_key = {"MONGODB_ATLAS_PUBLIC_API_KEY": "", "MONGODB_ATLAS_PRIVATE_API_KEY": ""}
            files = {block.file: block.text for block in blocks(file) if block.file}
            for name, text in files.items():
                (tmp_path / name).write_text(text, encoding="utf-8")
            inventory = [option for name in files for option in ("-i", str(tmp_path / name))]

            def run(text: str) -> Any:
                options = inventory if "hosts: all\n" in text else []
                keys = no_key if "client_id:" in text else {}
                return playbook(text, emulator, "-e", json.dumps(vault), *options, **variables, **keys)

            yield run
        return
    from ansible_collections.cloudpeer.atlas.tests.support.aws import running_aws

    with running_aws() as aws:
        account = aws.account(ACCOUNT)
        vpc_id = account.make_vpc(BLOCK_OF_VPC)
        account.ec2().modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})
        with running(Settings(**{**settings, "accept": "manual"}, aws_endpoint_url=aws.url)) as emulator:
            yield lambda text: playbook(text.replace(VPC, vpc_id), emulator, **account.environment())


@pytest.mark.parametrize(
    ("file", "clouds"),
    [pytest.param(file, file, marks=() if file.stem in USUAL else pytest.mark.full) for file in WITH_PLAYBOOKS],
    ids=relative,
    indirect=["clouds"],
)
def test_the_playbooks_run_one_after_the_other(file: Path, clouds: Any) -> None:
    for text in in_few_processes([block.text for block in blocks(file) if block.is_playbook and block.is_run]):
        # The second time, there is a report of an earlier run.
        run = [clouds(text) for unused in range(2 if "since:" in text else 1)][-1]
        assert [warning for warning in run.warnings if EXPECTED_WARNING not in warning] == [], text


def in_few_processes(texts: list[str]) -> list[str]:
    """Put playbooks that follow each other into one, unless they take other options, or one names what another leaves behind."""

    def options(text: str) -> tuple[bool, ...]:
        return tuple(part in text for part in ("hosts: all\n", "client_id:", "since:"))

    found = [texts[0].removeprefix("---\n")]
    for text in texts[1:]:
        left = [*re.findall(r"register: (\w+)", found[-1]), "set_fact", "vpc_peering_result"]
        is_apart = "since:" in text or any(re.search(rf"\b{name}\b", text) for name in left)
        if is_apart or options(text) != options(found[-1]):
            found.append("")
        found[-1] += text.removeprefix("---\n")
    return found


@pytest.mark.parametrize("file", [file for file in TEXTS if blocks(file)], ids=relative)
def test_every_other_block_of_yaml_says_why_it_is_not_run(file: Path) -> None:
    for block in blocks(file):
        assert block.content, block.text
        assert block.is_run == block.is_playbook or not block.is_run, block.text


def test_playbooks_that_are_not_run_have_no_syntax_error(tmp_path: Path) -> None:
    # The module of the worked example is not there; test_contributing.py adds it, and runs this block.
    texts = [
        block.text
        for file in TEXTS
        for block in blocks(file)
        if block.is_playbook and not block.is_run
        if block.note != "not run: it takes the new module"
    ]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.yml").write_text(text, encoding="utf-8")
    playbooks = sorted(map(str, tmp_path.iterdir()))
    assert playbooks
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "--syntax-check", *playbooks],
        env={**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.count("playbook: ")) == (0, len(playbooks)), done.stdout


def test_every_guide_has_playbooks() -> None:
    guides = {file for file in TEXTS if file.parent.name == "guides"}
    assert guides
    assert guides <= set(WITH_PLAYBOOKS)


def test_every_variable_of_the_role_is_one() -> None:
    spec = yaml.safe_load((ROOT / "roles" / "vpc_peering" / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    # What the role says of names that are none, a misspelt one and the item of loops; and an attribute of Terraform's aws_route.
    others = {"vpc_peering_result", "vpc_peering_projectname", "vpc_peering_connection", "vpc_peering_connection_id"}
    known = {*spec["argument_specs"]["main"]["options"], *others}
    texts = [*TEXTS, *(ROOT / "changelogs" / "fragments").glob("*.yml")]
    named = {
        name
        for file in texts
        for name in re.findall(r"(?<![\w/])vpc_peering_[a-z_]*[a-z]\b(?!_)", file.read_text(encoding="utf-8"))
    }
    assert named - known == set()


def test_every_failure_is_in_the_list() -> None:
    text = (ROOT / "docs" / "guides" / "when_it_fails.md").read_text(encoding="utf-8")
    codes = {
        *_hints.CODE_HINTS,
        *_access_list.ENTRY_HINTS,
        *_containers.CONTAINER_HINTS,
        *_peers.PEER_HINTS,
        *AWS.failure_reasons,
    }
    assert sorted(code for code in codes if code not in text) == []
    assert sorted(status for status in _hints.STATUS_HINTS if f"HTTP {status}" not in text) == []


def is_told(message: str, text: str) -> bool:
    """Whether a text has four words of a message as they stand, or all of a clause that has fewer."""
    clauses = [clause.strip("… ").split() for clause in re.split(r"[:;,.()]|Failed to", message.replace("…", " … "))]
    runs = [words[start : start + 4] for words in clauses for start in range(max(1, len(words) - 3))]
    return any(" ".join(run) in text for run in runs if sum(word != "…" for word in run) > 1)


def test_every_warning_is_in_the_list() -> None:
    text = " ".join((ROOT / "docs" / "guides" / "when_it_fails.md").read_text(encoding="utf-8").split())
    said = {f"{one.file}:{one.line}": one.text for one in messages.messages() if one.is_warning}
    assert len(said) > 10
    assert {where: message for where, message in said.items() if not is_told(message, text)} == {}


PERMISSION = re.compile(
    r"\b(?:ec2|sts|route53|route53resolver|servicequotas):[A-Z]\w+|\bcompute\.(?!googleapis)[a-z]\w+\.\w+"
    r"|\bMicrosoft\.(?:Network/(?!virtualNetworks/(?:virtualNetworkPeerings|peer)\b)|Authorization/)\w+/(?:read|write|delete)\b"
    r"|\bApplication\.\w+\.All\b"
)


def permissions_in(text: str) -> set[str]:
    """Return the permissions in the clouds that a text names, but for those of Atlas itself, and beginnings of names."""
    return set(PERMISSION.findall(text)) - {"ec2:Describe", "ec2:Get"}


def test_one_table_has_the_permissions_that_each_half_needs() -> None:
    guide = (ROOT / "docs" / "guides" / "credentials.md").read_text(encoding="utf-8")
    rows = [re.split(r" *\| *", line)[1:-1] for line in guide.splitlines() if re.match(r"\| (Atlas|AWS|AZURE|GCP) \|", line)]
    needed = [{one for row in rows if row[column] for one in permissions_in(row[1])} for column in (2, 3)]
    assert {cell for row in rows for cell in row[2:4]} == {"yes", "since 2.6.0", "since 3.2.0", "since 3.3.0", ""}

    def named(*modules: str) -> set[str]:
        files = (ROOT / "plugins" / "modules" / f"{name}.py" for name in modules)
        return {one for file in files for one in permissions_in(file.read_text(encoding="utf-8").partition("EXAMPLES = ")[0])}

    assert named("atlas_vpc_peer_accepter", "atlas_azure_role", "atlas_gcp_peering") == needed[0]
    assert named("atlas_vpc_peer_check") == needed[1]
    *policies, trust = [permissions_in(text) for text in re.findall(r"^```json\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)]
    assert policies == [{one for one in column if ":" in one} for column in needed]
    assert trust == {"sts:AssumeRole"}
    # Other guides name no others.
    texts = {file.name: permissions_in(file.read_text(encoding="utf-8")) for file in (ROOT / "docs" / "guides").glob("*.md")}
    assert {name: found - set.union(*needed) for name, found in texts.items() if found - set.union(*needed)} == {}


def test_the_readme_can_be_read_in_one_go() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def slug(heading: str) -> str:
    """Return the fragment that a code host gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("name", ["README.md", "roles/vpc_peering/README.md"])
def test_links_lead_somewhere_from_a_page_of_the_file_alone(name: str) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", (ROOT / name).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not link.startswith("https://")] == []
    broken = []
    for link in links:
        path, _separator, fragment = link.partition("#")
        own = re.fullmatch(r"https://github\.com/cloudpeer/atlas/(blob|tree)/main/(.+)", path)
        if own is None or own[2] == MADE_BY_A_RELEASE:
            continue
        file = ROOT / own[2]
        there = file.is_dir() if own[1] == "tree" else file.is_file()
        if there and fragment:
            there = fragment in map(slug, re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE))
        if not there:
            broken.append(link)
    assert broken == []


def row(page: str, start: str) -> list[str]:
    """Return the cells of the only row of a page whose first cells begin like this."""
    (line,) = re.findall(rf"^\| {re.escape(start)}.*$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize(
    ("way", "measured"),
    [
        ("`uri`, in a loop", "`uri`"),
        ("`atlas_vpc_peer`, in a loop", "`atlas_vpc_peer`"),
        ("`atlas_vpc_peers` |", "`atlas_vpc_peers`, parallel: 4"),
        ("`atlas_vpc_peers` with `parallel: 8`", "`atlas_vpc_peers`, parallel: 8"),
    ],
)
def test_the_figures_of_sets_are_those_that_were_measured(way: str, measured: str) -> None:
    told = row("docs/guides/at_scale.md", way)[1:]
    rows = [row("docs/performance.md", f"{task}, 50: {measured} |") for task in ("create", "no change")]
    for seconds, cells in zip(told, rows):
        digits = 0 if float(cells[1]) >= 10 else 1
        assert seconds == f"{float(cells[1]):.{digits}f} s"
    assert told[2] == ", ".join(cells[4].split(" / ")[0] for cells in rows)


def test_the_comparison_has_the_measured_figures() -> None:
    measured, compared = "docs/performance.md", "docs/comparison.md"
    requests = row(measured, "nothing to do | 50 |")
    assert row(compared, "no change in 50 connections: requests")[1:3] == [requests[2], requests[4]]
    times = row(measured, "0 ms: nothing to do | 50 |")
    assert row(compared, "no change in 50 connections: milliseconds")[1:3] == [times[2], times[4]]


def test_the_promises_have_the_pauses_before_a_second_look() -> None:
    promises = " ".join((ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").split())
    first, second = CREATION_PAUSES
    assert f"after {first:.0f} seconds, and after {second:.0f} more" in promises
    assert f"reads the list {first:.0f} seconds later, and for the last time {first + second:.0f} seconds later" in promises
    assert f"lags behind by more than {first + second:.0f} seconds" in promises
    assert f"in the {NEW_FOR:.0f} seconds after its creation" in promises
