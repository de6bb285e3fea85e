"""What `make fragments` writes is what stands there."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import Any

import fragments
import messages

PACKAGE = "ansible_collections.cloudpeer.atlas.plugins.module_utils"


def load(name: str) -> Any:
    return importlib.import_module(f"{PACKAGE}.{name}")


def test_make_fragments_has_written_all() -> None:
    """An option, a field of a result or a text is changed in its table."""
    stale = [file.name for file, text in fragments.generated(load) if file.read_text(encoding="utf-8") != text]
    assert stale == [], "run make fragments"


def test_each_module_has_its_results_in_the_table(root: Path) -> None:
    modules = {file.stem for file in (root / "plugins" / "modules").glob("*.py")}
    assert fragments.table("results")["modules"].keys() == modules


def test_texts_are_about_options_that_exist() -> None:
    names = [one.name for one in load("_entries.table").OPTIONS]
    assert [*fragments.table("entries")] == names


def test_a_row_is_a_field() -> None:
    shared = {"id": {"str": "C.", "sample": 1}, "a.id": {"int": "E."}}
    assert fragments.field_of({"list of str": "B."}, shared) == {"description": "B.", "type": "list", "elements": "str"}
    assert fragments.field_of({"like": "id", "sample": 2}, shared) == {"description": "C.", "type": "str", "sample": 2}
    nested = fragments.field_of({"dict": "D.", "returned": "failure", "sample": {}, "contains": [["a.id"]]}, shared)
    contains = {"id": {"description": "E.", "type": "int"}}
    assert nested == {"description": "D.", "returned": "failure", "type": "dict", "sample": {}, "contains": contains}


def test_a_text_has_the_names_of_the_role() -> None:
    texts = ["As O(dns=warn).", "See O(connections[].region)."]
    assert fragments.of_role(texts) == ["As O(vpc_peering_dns=warn).", "See C(region)."]


def test_a_message_is_what_an_error_says() -> None:
    tree = ast.parse("""
raise TaskError(f"The {name} is gone." if gone else "It is " + state, hint="Look again.")
raise InvalidValueError(f"is no id: {value}", "Write it like this.")
HINTS = {"silent": ("no answer from {where}", "Try it again later.")}
raise PlanError(f"{what} is there already.", "route")
raise TaskError(text)
print("This is said elsewhere.")
""")
    said = [text for node in ast.walk(tree) for text in messages.said_by(node, set())]
    assert sorted(said) == [
        "It is …. Look again.",
        "The … is gone. Look again.",
        "is no id: …. Write it like this.",
        "no answer from …. Try it again later.",
        "… is there already.",
    ]


def test_messages_are_of_all_parts_of_the_code() -> None:
    found = [*messages.messages()]
    assert {messages.area_of(one.file) for one in found} == {*messages.AREAS, messages.ELSE}
    assert sum(one.is_warning for one in found) > 10
