"""The source of the collection as data: files, imports, lines, names, and the calls of a task."""

from __future__ import annotations

import ast
import functools
import io
import re
import sys
import threading
import tokenize
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from .paths import ROOT

PLUGINS = ROOT / "plugins"
SHARED = PLUGINS / "module_utils"
COLLECTION = "ansible_collections.cloudpeer.atlas"
FILES = sorted(file for file in PLUGINS.rglob("*.py") if file.parent.name != "doc_fragments" and file.name != "__init__.py")
SHARED_FILES = [file for file in FILES if SHARED in file.parents]

# What is chosen by its name when a task runs (a kind of credential, a cloud, a module), what a tool writes, and a resource of the
# API, which is a subject however few paths it has.
MAY_HAVE_ONE_IMPORTER = ("_auth/", "_clouds/", "_operations/", "_version.py", "_resources/")
# What stands in several packages under one name, for the same reason in each.
SHARED_NAMES = {"options", "entries", "errors", "session", "aws", "azure", "gcp", "containers", "access_list", "peers"}
# Names within these packages say what they are in this cloud.
OF_ONE_CLOUD = ("_aws/", "_gcp/", "_azure/")
# What is about one cloud alone: its description, its API, its sides and halves, and the rules that are named after it.
ABOUT_ONE_CLOUD = re.compile(r"^_(clouds|aws|azure|gcp)/|(^|[/_])(aws|azure|gcp)[._]|^_check/rules/([ag]\d|p[4-7])_")
# The lines of a file that may be a part of another one.
SHORT = 60


def name_of(file: Path) -> str:
    """Return the name of a file below `module_utils`, or else below `plugins`."""
    return str(file.relative_to(SHARED if SHARED in file.parents else PLUGINS))


def wrong_in(files: Iterable[Path], look: Callable[[Path], Iterable[object]]) -> dict[str, list[object]]:
    """Return what a look at each file finds, by the names of the files in which it finds anything."""
    found = {str(file.relative_to(ROOT)): list(look(file)) for file in files}
    assert found
    return {name: wrong for name, wrong in found.items() if wrong}


@functools.cache
def text_of(file: Path) -> str:
    """Return the text of a file."""
    return file.read_text(encoding="utf-8")


@functools.cache
def nodes_of(file: Path) -> list[ast.AST]:
    """Return all that a file consists of."""
    return list(ast.walk(ast.parse(text_of(file))))


@functools.cache
def imports_of(file: Path) -> list[tuple[str, int]]:
    """Return the full dotted name of each thing that a file imports, and how many dots stood before it."""
    return list(_imports(file, nodes_of(file)))


def _imports(file: Path, nodes: Iterable[ast.AST]) -> Iterator[tuple[str, int]]:
    here = [*COLLECTION.split("."), *file.relative_to(ROOT).parent.parts]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = here[: len(here) - node.level + 1] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            yield from ((f"{module}.{alias.name}", node.level) for alias in node.names)


def own_imports(file: Path, imports: Iterable[tuple[str, int]] | None = None) -> Iterator[tuple[str, int]]:
    """Yield what a file imports of the plugins, below `module_utils` or `plugins`; some of its imports if these are given."""
    for name, dots in imports_of(file) if imports is None else imports:
        if name.startswith(f"{COLLECTION}."):
            yield name.removeprefix(f"{COLLECTION}.plugins.").removeprefix("module_utils."), dots


def imported_files(file: Path, imports: Iterable[tuple[str, int]] | None = None) -> set[Path]:
    """Return the files of `module_utils` that a file imports itself; with some of its imports if these are given."""
    names = [name.split(".") for name, dots in own_imports(file, imports)]
    targets = {SHARED.joinpath(*name[:count]).with_suffix(".py") for name in names for count in range(1, len(name) + 1)}
    return {target for target in targets if target.is_file()}


def files_needed_to_run(file: Path) -> set[Path]:
    """Return the other files of `module_utils` that a file imports when it runs, at once or later, and not for types alone."""
    blocks = [node for node in nodes_of(file) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    for_types = {inner for block in blocks for inner in ast.walk(block)}
    return imported_files(file, _imports(file, [node for node in nodes_of(file) if node not in for_types])) - {file}


def loaded_with(*files: Path) -> set[Path]:
    """Return files with all that they import of ours, and what that imports, and so on."""
    known, found = set(), [*files]
    while found:
        file = found.pop()
        known.add(file)
        found += imported_files(file) - known
    return known


def lines_of(file: Path) -> int:
    """Return how many lines a file has."""
    return text_of(file).count("\n")


def lines_of_code(file: Path) -> int:
    """Return how many lines a file has without docstrings, comments and blanks."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    first = [node.body[0] for node in nodes_of(file) if isinstance(node, documented) and ast.get_docstring(node) is not None]
    docstrings = {line for one in first for line in range(one.lineno, (one.end_lineno or one.lineno) + 1)}
    no_code = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = [one for one in tokenize.generate_tokens(io.StringIO(text_of(file)).readline) if one.type not in no_code]
    return len({line for one in tokens for line in range(one.start[0], one.end[0] + 1)} - docstrings)


def functions_of(file: Path) -> Iterator[tuple[str, int]]:
    """Yield each function of a file, and its lines without its docstring."""
    for node in nodes_of(file):
        if isinstance(node, ast.FunctionDef):
            docstring = node.body[0] if ast.get_docstring(node) is not None else None
            lines = node.end_lineno - node.lineno + 1 if node.end_lineno else 0
            lines -= docstring.end_lineno - docstring.lineno + 1 if docstring is not None and docstring.end_lineno else 0
            yield node.name, lines


def classes_of(file: Path) -> Iterator[tuple[str, int, int]]:
    """Yield each class of a file, its lines, and how many methods it has."""
    for node in nodes_of(file):
        if isinstance(node, ast.ClassDef):
            lines = node.end_lineno - node.lineno + 1 if node.end_lineno else 0
            yield node.name, lines, sum(isinstance(one, ast.FunctionDef) for one in node.body)


def aliases_of_any(file: Path) -> dict[str, int]:
    """Return the names that stand for `typing.Any` in a file, with their lines."""
    values = [node for node in nodes_of(file) if isinstance(node, ast.Assign) and is_any(node.value)]
    return {target.id: node.lineno for node in values for target in node.targets if isinstance(target, ast.Name)}


def uses_of_any(file: Path) -> list[int]:
    """Return the lines in which `typing.Any` stands itself."""
    return [node.lineno for node in nodes_of(file) if is_any(node) if isinstance(node, ast.expr)]


def is_any(node: ast.AST) -> bool:
    """Whether something is `typing.Any`."""
    return (isinstance(node, ast.Attribute) and node.attr == "Any") or (isinstance(node, ast.Name) and node.id == "Any")


def clouds_named_in(file: Path) -> list[str]:
    """Return the cloud of each place where a file about several clouds decides by one: in a comparison, or by its name."""
    if ABOUT_ONE_CLOUD.search(name_of(file)):
        return []
    places = {}
    shown = {part for node in nodes_of(file) if isinstance(node, ast.FormattedValue) for part in ast.walk(node.value)}
    for node in nodes_of(file):
        if isinstance(node, ast.Compare):
            parts = [part for side in (node.left, *node.comparators) for part in ast.walk(side)]
        elif isinstance(node, ast.Attribute) and node.attr == "name" and node not in shown:
            parts = [node.value]
        else:
            parts = [node] if isinstance(node, ast.Constant) else []
        for part in parts:
            name = part.id if isinstance(part, ast.Name) else part.value if isinstance(part, ast.Constant) else None
            if name in ("AWS", "AZURE", "GCP") and isinstance(part, ast.expr):
                places[part.lineno, part.col_offset] = str(name)
    return [*places.values()]


def files_with_one_importer() -> list[Path]:
    """Return the files of `module_utils` that at most one other file of the plugins imports."""
    importers = Counter(target for file in FILES for target in imported_files(file) if target != file)
    return [file for file in SHARED_FILES if importers[file] <= 1]


def short_files_with_one_importer() -> list[Path]:
    """Return those that could be a part of the file that imports them."""
    files = [file for file in files_with_one_importer() if not name_of(file).startswith(MAY_HAVE_ONE_IMPORTER)]
    return [file for file in files if lines_of(file) < SHORT]


def defined_in(file: Path) -> set[str]:
    """Return the classes and the constants that a file defines for others, by their names."""
    body = ast.parse(text_of(file)).body
    return {node.name for node in body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")} | assigned_in(body)


def members_of(file: Path) -> dict[str, set[str]]:
    """Return the methods and attributes that each class of a file defines for others, by the name of the class."""
    classes = [node for node in nodes_of(file) if isinstance(node, ast.ClassDef)]
    methods = {one.name: {node.name for node in one.body if isinstance(node, ast.FunctionDef)} for one in classes}
    return {one.name: {name for name in methods[one.name] if name[0] != "_"} | assigned_in(one.body) for one in classes}


def assigned_in(body: list[ast.stmt]) -> set[str]:
    """Return the names that statements assign for others."""
    targets: list[ast.AST] = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in body if isinstance(node, ast.AnnAssign)]
    names = {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def names_of_several_files() -> dict[str, list[str]]:
    """Return the names that several files have, with these files."""
    files = [file for file in SHARED_FILES if not name_of(file).startswith((*OF_ONE_CLOUD, "_operations/"))]
    return _standing_twice((file.stem, file) for file in files if file.stem not in SHARED_NAMES)


def names_of_several_definitions() -> dict[str, list[str]]:
    """Return the names that several files give to a class or a constant, with these files."""
    files = [file for file in SHARED_FILES if not name_of(file).startswith(OF_ONE_CLOUD)]
    # `OPERATION` is what a shell looks for in the file of each module.
    return _standing_twice((name, file) for file in files for name in defined_in(file) - {"OPERATION"})


def _standing_twice(names: Iterable[tuple[str, Path]]) -> dict[str, list[str]]:
    places = defaultdict(set)
    for name, file in names:
        places[name].add(name_of(file))
    return {name: sorted(files) for name, files in sorted(places.items()) if len(files) > 1}


def calls_of(action: Callable[[], Any]) -> Counter[str]:
    """Run something, and return how often it calls into each file of the plugins that it enters, in any thread."""
    # A list, since threads that count at once would lose calls.
    called: list[str] = []

    def profile(frame: Any, event: str, argument: Any) -> None:
        if event == "call" and "/atlas/plugins/" in frame.f_code.co_filename:
            called.append(frame.f_code.co_filename)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        action()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return Counter(name.partition("/plugins/")[2] for name in called)
