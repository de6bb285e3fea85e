"""Writes what follows from tables into the files that have it: documentation, argument specs, and options of the playbook.

It writes the page of messages as well, which follows from the code.

The tables are those of the code (the argument specs, and the options of entries), and those in `scripts/tables/`, which have the
texts.
"""

from __future__ import annotations

import json
import math
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import messages
import yaml  # type: ignore[import-untyped]
from checkout import ROOT, exit_with, linked_collection

PLAYBOOK = ROOT / "playbooks" / "check.yml"
ROLE = ROOT / "roles" / "vpc_peering" / "meta" / "argument_specs.yml"
MODULE = "cloudpeer.atlas.atlas_vpc_peer_check"
TABLES = ROOT / "scripts" / "tables"
#: What the table of entries calls the modules.
MODULES = {"atlas_vpc_peers": "peers", "atlas_vpc_peer_check": "check", "atlas_peering": "peering"}
#: What the role's conditions look at has a type there, and so has what its last module alone checks.
CONDITIONS_OF_ROLE = ("state", "atlas", "aws", "verify", "verify_fail_on")
#: The types that a value can have or not, as a description says them.
KINDS = {"bool": "A boolean", "dict": "A dictionary", "int": "A whole number", "list": "A list"}
#: What a role has of an argument spec.
OF_A_ROLE = ("type", "elements", "required", "default", "choices", "no_log")
#: What the role says of an option that it has for M(atlas_vpc_peers) alone.
WITHOUT_EFFECT = "This has no effect. It is accepted because M(cloudpeer.atlas.atlas_vpc_peers) has it."
#: The page with all fields of results, and the modules whose RETURN has them to the second level.
RESULTS = ROOT / "docs" / "results.md"
SHORT = ("atlas_peering", "atlas_vpc_peer_check")
SEE_RESULTS = "L(Results,https://github.com/cloudpeer/atlas/blob/main/docs/results.md) has all that is within these fields."
RESULTS_HEAD = """\
# Results

All fields of the results of `atlas_peering` and `atlas_vpc_peer_check`, of which `ansible-doc` shows the first two levels. `[]`
stands for each element of a list.

<!-- From scripts/tables/results.yml: make fragments. -->
"""
Texts = dict[str, Any]


class Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Writes YAML as people do: short lists in one line, and long texts as blocks."""

    def increase_indent(self, flow: bool = False, **unused: bool) -> None:
        """Indent lists in mappings."""
        super().increase_indent(flow)


def _text(dumper: Dumper, value: str) -> yaml.Node:
    try:
        is_plain = yaml.safe_load(f"- {value}") == [value]
    except yaml.YAMLError:
        is_plain = False
    style = None if is_plain else ">" if " " in value and "\n" not in value else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)


def _list(dumper: Dumper, value: list[Any]) -> yaml.Node:
    is_short = not any(isinstance(one, (dict, list)) for one in value) and sum(len(str(one)) + 2 for one in value) < 90
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=is_short)


Dumper.add_representer(str, _text)
Dumper.add_representer(list, _list)


def to_yaml(value: Texts, indent: int = 0, width: int = 130) -> str:
    """Return a mapping as YAML, in lines with an indentation."""
    # What stands in two places is written twice, and not as an alias.
    value = json.loads(json.dumps(value))
    text = yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=math.inf)
    return "".join(f"{line}\n" for long in text.splitlines() for line in _wrapped(" " * indent + long, width))


def _wrapped(line: str, width: int) -> list[str]:
    """Return a line of YAML as several: a text, or a list in one line, may go on in the next line, further to the right."""
    start = re.match(r" *(?:- )*(?:\w+: )?", line)[0]  # type: ignore[index]
    indent = " " * (len(start) - len(start.lstrip()) + (2 if start.strip() else 0))
    return textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def comment(name: str, indent: int = 0) -> str:
    """Return a comment that says from which table the next lines are."""
    return f"{' ' * indent}# From scripts/tables/{name}.yml: make fragments.\n"


@cache
def table(name: str) -> Texts:
    """Return a table of texts."""
    found: Texts = yaml.safe_load((TABLES / f"{name}.yml").read_text(encoding="utf-8"))
    return found


def fields_of(rows: list[Any], shared: Texts) -> Iterator[tuple[str, Texts]]:
    """Yield the fields of a result with their names, as RETURN has them."""
    for row in rows:
        if isinstance(row, list):
            yield from ((name.rpartition(".")[2], field_of(shared[name], shared)) for name in row)
        else:
            (name, field), *more = row.items()
            yield name, field_of({**field, **dict(more)}, shared)


def complete(row: Texts, shared: Texts) -> Texts:
    """Return a row with what it has from another one."""
    own = {key: value for key, value in row.items() if key != "like"}
    return {**complete(shared[row["like"]], shared), **own} if "like" in row else own


def field_of(row: Texts, shared: Texts) -> Texts:
    """Return a row of the table of results as RETURN has it."""
    row = complete(row, shared)
    kind = next(iter(row))
    name, unused, elements = kind.partition(" of ")
    field = {"description": row.pop(kind)}
    if "returned" in row:
        field["returned"] = row.pop("returned")
    field["type"] = name
    if elements:
        field["elements"] = elements
    contains = dict(fields_of(row.pop("contains", []), shared))
    return {**field, **row, **({"contains": contains} if contains else {})}


def returns_of(module: str) -> Texts:
    """Return all fields of the result of a module, as RETURN has them."""
    found = table("results")
    return dict(fields_of(found["modules"][module], found["shared"]))


def shortened(fields: Texts) -> Texts:
    """Return the fields of a result to the second level, with the first sentence of each there. The page has all of it."""
    return {name: _shortened(field) for name, field in fields.items()}


def _shortened(field: Texts) -> Texts:
    contains, sample = field.get("contains", {}), field.get("sample")
    if not contains:
        return field
    if isinstance(sample, dict) and contains.keys() == sample.keys() and not any("contains" in one for one in contains.values()):
        # The sample has the names of what is counted.
        return {key: one for key, one in field.items() if key != "contains"}
    if isinstance(sample, dict):
        # What is inside of it is on the page.
        sample = {key: one for key, one in sample.items() if not isinstance(one, dict) and not _has_fields(one)}
    own = {name: one["sample"] for name, one in contains.items() if "sample" in one and not _has_fields(one["sample"])}
    if isinstance(sample, list):
        sample = [own] if own else sample
    found = {**field, "sample": sample, "contains": {name: _in_a_sentence(one) for name, one in contains.items()}}
    if any("contains" in one for one in contains.values()):
        texts = field["description"] if isinstance(field["description"], list) else [field["description"]]
        found["description"] = [*texts, SEE_RESULTS]
    return found


def _has_fields(sample: Any) -> bool:
    return isinstance(sample, list) and any(isinstance(one, dict) for one in sample)


def _in_a_sentence(field: Texts) -> Texts:
    text = field["description"] if isinstance(field["description"], str) else field["description"][0]
    text = re.split(r"(?<=\.)\s", text, maxsplit=1)[0]
    if "contains" in field:
        text += f" With {', '.join(f'C({name})' for name in field['contains'])}."
    return {"description": text, **{key: one for key, one in field.items() if key in ("type", "elements", "returned")}}


def results_page() -> str:
    """Return the page with all fields of the results whose RETURN is short."""
    parts = [RESULTS_HEAD]
    for module in SHORT:
        rows = [f"| `{path}` | {kind} | {text} |\n" for path, kind, text in rows_of(returns_of(module))]
        parts.append(f"\n## {module}\n\n| field | type | |\n| --- | --- | --- |\n{''.join(rows)}")
    return "".join(parts)


def rows_of(fields: Texts, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the fields of a result as rows of a table: path, type and description."""
    for name, field in fields.items():
        own = f"{path}{name}{'[]' if 'elements' in field else ''}"
        texts = field["description"] if isinstance(field["description"], list) else [field["description"]]
        kind = f"{field['type']} of {field['elements']}" if "elements" in field else field["type"]
        yield own, kind, as_markdown(" ".join(texts)).replace("|", "\\|")
        yield from rows_of(field.get("contains", {}), f"{own}.")


def as_markdown(text: str) -> str:
    """Return a text of the documentation with its markup as code."""
    return re.sub(r"\b(?:RV|[COVEMI])\(((?:[^()]|\([^()]*\))*)\)", r"`\1`", text)


def with_returns(text: str, module: str) -> str:
    """Return the text of a module with its RETURN."""
    fields = returns_of(module)
    block = comment("results") + to_yaml(shortened(fields) if module in SHORT else fields)
    return re.sub(r'(?<=^RETURN = r"""\n).*?(?=^""")', lambda unused: block, text, flags=re.MULTILINE | re.DOTALL)


def with_suboptions(text: str, module: str, options: tuple[Any, ...]) -> str:
    """Return the text of a module with the documentation of the options of its entries."""
    block = comment("entries", 6) + to_yaml(
        {one.names_in(module)[0]: suboption(one, module) for one in options if one.is_documented_in(module)}, 6
    )
    return re.sub(r"(?<=^    suboptions:\n)(?: {6}.*\n)*", lambda unused: block, text, flags=re.MULTILINE)


def suboption(option: Any, module: str) -> Texts:
    """Return the documentation of an option of an entry in a module."""
    row, name = table("entries")[option.name], MODULES[module]
    text = row.get(name, row.get("peering"))
    spec = {key: value for key, value in option.spec_in(module).items() if key != "no_log"}
    return {"description": text, **spec, **since(row.get("since", {}).get(name))}


def since(version: str | None) -> Texts:
    """Return the version that has brought an option, if it is not as old as the module."""
    return {} if version is None else {"version_added": version}


def of_role(text: Any) -> Any:
    """Return a text of atlas_peering with the names of the role."""
    if isinstance(text, list):
        return [of_role(one) for one in text]
    return re.sub(r"O\(([a-z])", r"O(vpc_peering_\1", re.sub(r"O\(connections\[\]\.(\w+)\)", r"C(\1)", text))


def role_specs(spec: Any, entries: Any) -> str:
    """Return the argument specs of the role."""
    role = table("role")
    (documentation,) = re.findall(r'^DOCUMENTATION = r"""\n(.*?)^"""', module_text("atlas_peering"), re.MULTILINE | re.DOTALL)
    documented = yaml.safe_load(documentation)["options"]
    options = {}
    for name, row in role["options"].items():
        own = role_spec(spec.options.get(name, {}))
        text = row.get("text") or of_role(documented[name]["description"])
        given = {key: value for key, value in row.items() if key not in ("text", "since")}
        found = {"description": text, **own, **given, **since(row.get("since"))}
        found = {key: value for key, value in found.items() if value is not None}
        options[f"vpc_peering_{name}"] = found if name in CONDITIONS_OF_ROLE else checked_by_module(found)
    options["vpc_peering_connections"]["options"] = dict(role_entries(entries))
    main = {key: role[key] for key in ("short_description", "description", "version_added")}
    main |= {"author": ["The cloudpeer.atlas maintainers"], "options": options}
    main |= {"seealso": [{"module": f"cloudpeer.atlas.{name}"} for name in role["seealso"]]}
    examples = "    examples: |\n" + re.sub(r"^(?=.)", " " * 6, role["examples"], flags=re.MULTILINE)
    return "---\n" + comment("role") + to_yaml({"argument_specs": {"main": main}}, width=150) + examples


def checked_by_module(spec: Texts) -> Texts:
    """Return the spec of a variable whose type is in its description alone: the module checks it, and says more in fewer words.

    Ansible prints the whole argument specification of a role with each variable that it refuses.
    """
    if "choices" in spec:
        kind = f"One of {', '.join(f'V({one})' for one in spec['choices'])}"
    elif spec.get("type", "str") in KINDS:
        kind = KINDS[spec["type"]] + {"dict": " of dictionaries", "str": " of strings", "int": " of numbers"}.get(
            spec.get("elements", ""), ""
        )
    else:
        # Ansible makes a text of anything.
        return spec
    texts = spec["description"] if isinstance(spec["description"], list) else [spec["description"]]
    found = {**spec, "description": [*texts, f"{kind}."], "type": "raw"}
    return {key: value for key, value in found.items() if key not in ("elements", "choices", "required")}


def role_entries(options: Any) -> Iterator[tuple[str, Texts]]:
    """Yield the options of an entry of the role, where each name is an option of its own."""
    for option in options:
        row = table("entries")[option.name]
        name, *others = option.names_in("atlas_peering")
        is_used = "atlas_peering" in option.users
        text = row.get("role") or (of_role(row["peering"]) if is_used else WITHOUT_EFFECT)
        spec = role_spec(option.spec_in("atlas_peering"))
        yield name, {"description": text, **spec, **since(row.get("since", {}).get("role"))}
        for other in others:
            text = f"Another name of C({name}), so that one list serves the role and the modules."
            yield other, {"description": text, **spec, **since(row["since"]["names"])}


def role_spec(spec: Texts) -> Texts:
    """Return what the role has of the argument spec of an option."""
    return {key: value for key, value in spec.items() if key in OF_A_ROLE and (key, value) != ("no_log", False)}


def with_options(playbook: str, names: list[str]) -> str:
    """Return the text of the playbook in which the check has these options, each with the variable of its own."""
    lines = "".join(f'        {name}: "{{{{ peering_check_{name} | default(omit) }}}}"\n' for name in sorted(names))
    return re.sub(rf"(?<=\n      {re.escape(MODULE)}:\n)(?: {{8}}.*\n)*", lambda unused: lines, playbook)


def module_file(name: str) -> Path:
    """Return the file of a module."""
    return ROOT / "plugins" / "modules" / f"{name}.py"


def module_text(name: str) -> str:
    """Return the text of a module."""
    return module_file(name).read_text(encoding="utf-8")


def generated(load: Callable[[str], Any]) -> Iterator[tuple[Path, str]]:
    """Yield the files with fragments, each with the text that it has to have.

    Args:
        load: Returns a file of module_utils, imported.
    """
    options = load("_entries.table").OPTIONS
    for name in table("results")["modules"]:
        text = with_returns(module_text(name), name)
        yield module_file(name), with_suboptions(text, name, options) if name in MODULES else text
    yield ROLE, role_specs(load("_sides.path_options").PATH_SPEC, options)
    check = load("_operations.atlas_vpc_peer_check").OPERATION
    yield PLAYBOOK, with_options(PLAYBOOK.read_text(encoding="utf-8"), [*check.argument_spec.options])
    yield messages.PAGE, messages.page()
    yield RESULTS, results_page()


def main() -> int:
    """Write the files, and return 0."""
    with linked_collection() as link:
        sys.path.insert(0, str(link.parents[2]))
        from importlib import import_module

        package = "ansible_collections.cloudpeer.atlas.plugins.module_utils"
        for file, text in generated(lambda name: import_module(f"{package}.{name}")):
            file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    exit_with(main)
