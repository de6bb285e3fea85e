"""Finds what the code can say in failures and warnings, for `docs/messages.md`, which `make fragments` writes.

A message is the text that is given to an error, to a function that warns, or to one that completes the text of an error. For a
value in it, the page has an ellipsis. What is put together elsewhere, and texts without words of their own, are left out.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from checkout import ROOT

PAGE = ROOT / "docs" / "messages.md"
#: The headings of the page, with the folders or files whose messages are below each.
AREAS = {
    "Atlas": ("_api", "_http", "_resources", "_operations", "_engine", "_auth"),
    "Options and lists": ("_values", "_entries", "_accounts", "_clouds"),
    "Both sides": ("_sides", "_results"),
    "AWS": ("_aws",),
    "AZURE": ("_azure",),
    "GCP": ("_gcp",),
    "The check": ("_check",),
}
ELSE = "Plugins, reports and the role"
HEAD = """\
# Messages

What a task can say in a failure or a warning, for those who search: `…` stands for what varies, and text in front of a message
names the entry, or what has failed. [When it fails](guides/when_it_fails.md) has the codes, and what a playbook can do about a
failure. The findings of the check are in [The connection is AVAILABLE, but …](guides/no_traffic.md).

<!-- From the code: make fragments. -->
"""
VALUE = "…"
#: Errors of Python that nobody reads, and those that carry no message.
NO_MESSAGES = {"NotImplementedError", "TypeError", "KeyError", "OSError"}
FEWEST_WORDS = 3


@dataclass(frozen=True)
class Message:
    """A message, and where it stands.

    Attributes:
        text: The message, with an ellipsis for each value; the hint is its end.
        file: The file, from the root.
        line: The line in it.
        is_warning: Whether it is no failure.
    """

    text: str
    file: Path
    line: int
    is_warning: bool


def texts_of(node: ast.expr | None) -> list[str]:
    """Return what an expression may say: one text, or one for each branch."""
    if isinstance(node, ast.Constant):
        return [str(node.value)] if isinstance(node.value, str) else [""]
    if isinstance(node, ast.JoinedStr):
        return ["".join(texts_of(part)[0] for part in node.values)]
    if isinstance(node, ast.FormattedValue):
        return texts_of(node.value) if isinstance(node.value, (ast.Call, ast.Constant, ast.JoinedStr)) else [VALUE]
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("as_option", "as_form"):
        return texts_of(node.args[0])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [left + right for left in texts_of(node.left) for right in texts_of(node.right)]
    if isinstance(node, ast.IfExp):
        return [*texts_of(node.body), *texts_of(node.orelse)]
    return [VALUE] if node is not None else [""]


def is_warning(called: str) -> bool:
    """Whether a function of this name warns."""
    return called.endswith(("warn", "warning", "warnings.append", "deprecated"))


def messages(folder: Path = ROOT / "plugins") -> Iterator[Message]:
    """Yield the messages of the files in a folder."""
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("**/*.py"))}
    shared = {name: one for tree in trees.values() for name, one in completions(tree).items() if not name.startswith("_")}
    for file, tree in trees.items():
        own = {id(call) for one in ast.walk(tree) if isinstance(one, ast.ClassDef) for call in of_own_errors(one)}
        known = {**shared, **completions(tree)}
        for node in ast.walk(tree):
            if not isinstance(node, (ast.Call, ast.Dict)):
                continue
            warns = isinstance(node, ast.Call) and is_warning(ast.unparse(node.func))
            for text in said_by(completed(node, known), own):
                if len(re.findall(r"[A-Za-z]{2,}", text)) >= FEWEST_WORDS:
                    yield Message(text, file.relative_to(ROOT), node.lineno, warns)


def said_by(node: ast.AST, own: set[int]) -> list[str]:
    """Return the messages of a node.

    Args:
        node: A call, or a table of causes with their hints.
        own: The ids of the calls in which errors give a message to their parent.
    """
    if isinstance(node, ast.Dict):
        causes = [one.elts for one in node.values if isinstance(one, ast.Tuple) and len(one.elts) == 2]
        return [re.sub(r"\{\w+\}", VALUE, text) for one in causes if all(map(is_text, one)) for text in joined(*one)]
    if not isinstance(node, ast.Call) or not node.args:
        return []
    called = ast.unparse(node.func)
    is_error = re.fullmatch(r"_?[A-Z]\w*Error", called.rpartition(".")[2]) is not None and called not in NO_MESSAGES
    if not (is_error or id(node) in own or is_warning(called)):
        return []
    hints = [one.value for one in node.keywords if one.arg == "hint"] or node.args[1:2]
    # A word alone is a kind of error, and no advice.
    return joined(node.args[0], *[one for one in hints if not isinstance(one, ast.Constant) or is_text(one)])


def completions(tree: ast.Module) -> dict[str, tuple[list[str], ast.Call]]:
    """Return the functions of a file that complete the text of an error: the names of their arguments, and the error, by name."""
    found = {}
    for function in tree.body:
        if not isinstance(function, ast.FunctionDef) or not isinstance(last := function.body[-1], (ast.Return, ast.Raise)):
            continue
        error = last.value if isinstance(last, ast.Return) else last.exc
        names = [one.arg for one in (*function.args.args, *function.args.kwonlyargs)]
        if not isinstance(error, ast.Call) or not error.args or not isinstance(text := error.args[0], ast.JoinedStr):
            continue
        if any(isinstance(one, ast.FormattedValue) and ast.unparse(one.value) in names for one in text.values):
            found[function.name] = (names, error)
    return found


def completed(node: ast.Call | ast.Dict, known: dict[str, tuple[list[str], ast.Call]]) -> ast.AST:
    """Return the error that a call completes, with the arguments of the call; any other node as it is."""
    if not isinstance(node, ast.Call) or (called := ast.unparse(node.func)) not in known:
        return node
    names, error = known[called]
    given = {**dict(zip(names, node.args, strict=False)), **{one.arg: one.value for one in node.keywords if one.arg is not None}}

    class Filled(ast.NodeTransformer):
        def visit_Name(self, name: ast.Name) -> ast.expr:
            return given.get(name.id, name)

    Filled().generic_visit(filled := copy.deepcopy(error))
    return filled


def is_text(node: ast.expr) -> bool:
    """Whether a node is a text with words."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value


def joined(text: ast.expr, hint: ast.expr | None = None) -> list[str]:
    """Return what a text and the hint behind it may say together."""
    hints = [one if one != VALUE else "" for one in texts_of(hint)]
    own = [one for one in texts_of(text) if re.search("[A-Za-z]", one)]
    return [shortened(one.rstrip(".") + f". {more}" if more else one) for one in own for more in hints]


def of_own_errors(node: ast.ClassDef) -> Iterator[ast.Call]:
    """Yield the calls in which a class of errors gives a message to its parent."""
    if node.name.endswith("Error"):
        yield from (one for one in ast.walk(node) if isinstance(one, ast.Call) and ast.unparse(one.func) == "super().__init__")


def shortened(text: str) -> str:
    """Return a text in one line, with one ellipsis where several values follow each other."""
    return re.sub(rf"{VALUE}(?:[\s{VALUE}]*{VALUE})?", VALUE, " ".join(text.split()))


def area_of(file: Path) -> str:
    """Return the heading under which the messages of a file stand."""
    return next((title for title, folders in AREAS.items() if not {*folders}.isdisjoint(file.parts)), ELSE)


def page() -> str:
    """Return the page with all messages, in the order of the alphabet in each area."""
    found: dict[tuple[str, bool], set[str]] = {}
    for one in messages():
        found.setdefault((area_of(one.file), one.is_warning), set()).add(one.text)
    parts = [HEAD]
    for title in (*AREAS, ELSE):
        for warns in (False, True):
            lines = sorted(found.get((title, warns), ()), key=lambda text: (text.strip(f" {VALUE}").casefold(), text))
            if lines:
                heading = f"### Warnings: {title}" if warns else f"## {title}"
                parts.append("\n".join([f"\n{heading}\n", *(f"- {escaped(line)}" for line in lines), ""]))
    return "".join(parts)


def escaped(text: str) -> str:
    """Return a text whose characters Markdown takes as they are."""
    return re.sub(r"([\\`*<>])", r"\\\1", text)
