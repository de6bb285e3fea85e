"""What the documentation of atlas_vpc_peer_accepter says twice: options, permissions, and the codes of AWS."""

from __future__ import annotations

import ast
import importlib
import json
import re
from typing import Any

import yaml
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws import errors as _aws_errors
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT

PLUGINS = "ansible_collections.cloudpeer.atlas.plugins"


def module_documentation() -> dict[str, Any]:
    """Return DOCUMENTATION with the options of its fragments."""
    source = (ROOT / "plugins" / "modules" / "atlas_vpc_peer_accepter.py").read_text(encoding="utf-8")
    text = next(
        ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DOCUMENTATION"
    )
    documentation = yaml.safe_load(text)
    for name in documentation["extends_documentation_fragment"]:
        unused, unused_too, file, *part = name.split(".")
        fragment = importlib.import_module(f"{PLUGINS}.doc_fragments.{file}").ModuleDocFragment
        options = yaml.safe_load(getattr(fragment, part[0].upper() if part else "DOCUMENTATION"))["options"]
        for option, described in options.items():
            documentation["options"][option] = {**described, **documentation["options"].get(option, {})}
    return dict(documentation)


def actions_in_the_code() -> set[str]:
    """Return the actions of AWS that the code can send."""
    network = (ROOT / "plugins/module_utils/_aws/accepter/network.py").read_text(encoding="utf-8")
    found = {f"ec2:{name}" for name in re.findall(r'"((?:Describe|Get|Accept|Create|Replace|Delete|Modify)[A-Za-z]+)"', network)}
    return {*found, "sts:AssumeRole"}


def test_the_permissions_are_those_that_the_code_needs() -> None:
    assert len(actions_in_the_code()) == 15
    notes = " ".join(module_documentation()["notes"])
    assert set(re.findall(r"C\(((?:ec2|sts):[A-Z][A-Za-z]+)\)", notes)) - {"ec2:Describe", "ec2:Get"} == actions_in_the_code()
    guide = (ROOT / "docs/guides/credentials.md").read_text(encoding="utf-8")
    # The second one is that of atlas_vpc_peer_check.
    policy, *unused = re.findall(r"^```json\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    statements = json.loads(policy)["Statement"]
    assert {*statements[0]["Action"], statements[1]["Action"]} == actions_in_the_code()
    # The quota is read by the session.
    assert statements[2]["Action"] == "servicequotas:GetServiceQuota"
    assert "C(servicequotas:GetServiceQuota)" in notes


def test_every_code_with_a_hint_is_in_the_list() -> None:
    text = (ROOT / "docs/guides/when_it_fails.md").read_text(encoding="utf-8")
    # The others are names of exceptions, which nobody sees.
    codes = {*_aws_errors._FORBIDDEN, *(code for code in _aws_errors._HINTS if not re.search("Error$|NotFound$", code))}
    assert len(codes) > 10
    assert sorted(code for code in codes if f"`{code}`" not in text) == []
