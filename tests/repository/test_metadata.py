"""What is written down twice must agree."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import tomllib
import yaml

LICENSE_LINE = "# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)"
# In a comment, so that this pattern is no licence of this file.
TAG = re.compile(r"^\W*SPDX-License-Identifier: (.+?)(?: -->)?$", re.MULTILINE)


def load(file: Path) -> dict:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def test_every_module_is_in_the_action_group_of_its_service(root: Path) -> None:
    """The defaults of a group reach every module in it, and one that talks to a cloud would refuse the options for Atlas."""
    groups = load(root / "meta" / "runtime.yml")["action_groups"]
    assert groups.keys() == {"atlas", "aws", "gcp", "azure"}
    for name, modules in groups.items():
        fragment = f"  - cloudpeer.atlas._attributes.action_group_{name}\n"
        files = sorted((root / "plugins" / "modules").glob("*.py"))
        assert modules == [file.stem for file in files if fragment in file.read_text(encoding="utf-8")]
    modules = {file.stem for file in (root / "plugins" / "modules").glob("*.py")}
    # It talks to members of clusters, without credentials.
    modules.remove("atlas_probe")
    assert sorted(module for group in groups.values() for module in group) == sorted(modules)


def test_the_modules_have_the_version_of_the_collection(root: Path) -> None:
    module = ast.parse((root / "plugins" / "module_utils" / "_version.py").read_text(encoding="utf-8"))
    versions = [
        ast.literal_eval(node.value)
        for node in module.body
        if isinstance(node, ast.Assign) and [target.id for target in node.targets if isinstance(target, ast.Name)] == ["VERSION"]
    ]
    assert versions == [load(root / "galaxy.yml")["version"]]


def test_the_version_stands_nowhere_else(root: Path, source_files: list[str]) -> None:
    # Not a part of an address like 10.0.1.0/24.
    version = re.compile(r"(?<![\d.])" + re.escape(load(root / "galaxy.yml")["version"]) + r"(?!\.?\d)")
    known = {"galaxy.yml", "plugins/module_utils/_version.py"}
    # The changelog names every release, and the guides those they lead to; pinned packages have versions of their own.
    exempt = ("changelogs/", "CHANGELOG.md", "requirements", "docs/guides/upgrading")
    found = {
        name
        for name in source_files
        if not name.startswith(exempt) and not name.endswith(".png")
        for line in (root / name).read_text(encoding="utf-8").splitlines()
        # Says since when something exists, which stays as it is, or leads to the guide of an upgrade.
        if version.search(line)
        and not re.search(r"version_added|added in |since:? |before |until |/upgrading_", line, re.IGNORECASE)
    }
    assert found == known


def test_the_changelog_has_the_release_with_all_that_is_new(root: Path) -> None:
    """antsibull-changelog notes what is new by its version_added, with the description that it had then."""
    releases = load(root / "changelogs" / "changelog.yaml")["releases"]
    version = load(root / "galaxy.yml")["version"]
    assert version in releases, "run antsibull-changelog release"
    assert f'<a id="v{version.replace(".", "-")}"></a>' in (root / "CHANGELOG.md").read_text(encoding="utf-8")
    noted = {
        (number, kind, entry["name"]): entry["description"]
        for number, release in releases.items()
        for kind, entries in {"module": release.get("modules", []), **release.get("objects", {})}.items()
        for entry in entries
    }
    there = {}
    for file in (root / "plugins" / "modules").glob("*.py"):
        documentation = next(
            yaml.safe_load(ast.literal_eval(node.value))
            for node in ast.parse(file.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DOCUMENTATION"
        )
        there[documentation["version_added"], "module", file.stem] = documentation["short_description"]
    for file in (root / "roles").glob("*/meta/argument_specs.yml"):
        specs = load(file)["argument_specs"]["main"]
        there[specs["version_added"], "role", file.parents[1].name] = specs["short_description"]
    # What is newer than the version is noted with its release.
    coming = {key for key in there if tuple(map(int, key[0].split("."))) > tuple(map(int, version.split(".")))}
    assert noted == {key: description for key, description in there.items() if key not in coming}


def test_the_sanity_configuration_names_the_required_python(root: Path) -> None:
    assert load(root / "tests" / "config.yml")["modules"]["python_requires"] == ">=3.9"


def test_plugins_are_python_and_text_is_without_odd_blanks(root: Path, source_files: list[str]) -> None:
    assert [name for name in source_files if name.startswith("plugins/") and not name.endswith(".py")] == []
    texts = {name: (root / name).read_text(encoding="utf-8") for name in source_files if not name.endswith(".png")}
    assert [name for name, text in texts.items() if "\t" in text and name != "Makefile"] == []
    # A licence is not ours to change.
    blanks = re.compile(r"[ \t]+$", re.MULTILINE)
    assert [name for name, text in texts.items() if blanks.search(text) and not name.startswith("LICENSE")] == []


def test_every_plugin_file_names_its_licence(root: Path) -> None:
    files = sorted((root / "plugins").rglob("*.py"))
    assert files
    without = [file.name for file in files if LICENSE_LINE not in file.read_text(encoding="utf-8").splitlines()[:8]]
    assert without == []


def test_every_file_is_under_the_one_licence(root: Path, source_files: list[str]) -> None:
    """REUSE 3.3: REUSE.toml has the licence and the copyright of all files, and LICENSES the text of the licence."""
    (annotation,) = tomllib.loads((root / "REUSE.toml").read_text(encoding="utf-8"))["annotations"]
    licence = annotation["SPDX-License-Identifier"]
    assert (annotation["path"], bool(annotation["SPDX-FileCopyrightText"])) == ("**", True)
    texts = [(root / name).read_text(encoding="utf-8") for name in source_files if not name.endswith(".png")]
    named = {line for text in texts for line in TAG.findall(text)}
    assert named == {licence}
    assert [file.name for file in (root / "LICENSES").iterdir()] == [f"{licence}.txt"]
    assert (root / "LICENSES" / f"{licence}.txt").read_bytes() == (root / "LICENSE").read_bytes()
