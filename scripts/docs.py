"""Builds the site into docs/build/html: the guides, a page for each module and the role, the examples and the changelog.

The guides are Markdown that a code host can render, with links to files of the repository. Here, a link to a file that has a page
becomes a link to that page. Does nothing if the site is up to date.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from checkout import ROOT, exit_with, linked_collection, source_files

COLLECTION = "cloudpeer.atlas"
REPOSITORY = "https://github.com/cloudpeer/atlas"
BUILD = ROOT / "docs" / "build"
SOURCE = BUILD / "source"
HTML = BUILD / "html"
STAMP = BUILD / "stamp"
INPUTS = (
    "docs/",
    "playbooks/",
    "plugins/",
    "roles/",
    "meta/",
    "changelogs/",
    "galaxy.yml",
    "requirements/docs.txt",
    "scripts/docs.py",
)
# The playbooks to start from, and those of the collection.
EXAMPLES = (Path("docs/examples"), Path("playbooks"))
PROJECT_PAGES = {"CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}

# Where antsibull-docs would link to the page of the collection in a registry.
ANTSIBULL_SETTINGS = f"""\
collection_url = {{
    * = {REPOSITORY}
}}
collection_install = {{
    * = "ansible-galaxy collection install {{namespace}}.{{name}}"
}}
"""

_LINK = re.compile(r"(!?\[[^\]]*\])\(([^)\s]+)\)")
_CONTENTS = re.compile(r"^\.\. contents::\n(?:   :\w+:.*\n)*", re.MULTILINE)
_FENCE = re.compile(r"^\s*(```+|~~~+)")
_OUTSIDE = re.compile(r"[a-z]+:|#")


class DocsError(Exception):
    """The site cannot be built."""


def fingerprint() -> str:
    """Return a checksum of everything that the site is made from."""
    digest = hashlib.sha256(sys.version.encode())
    for name in source_files():
        if str(name).startswith((*INPUTS, *PROJECT_PAGES)):
            digest.update(f"{name}\0".encode() + (ROOT / name).read_bytes())
    return digest.hexdigest()


def run(*command: str, collections: Path) -> None:
    """Run a tool of this environment, and show its output only if it fails or warns.

    Raises:
        DocsError: When it fails.
    """
    done = subprocess.run(
        [Path(sys.executable).parent / command[0], *command[1:]],
        cwd=ROOT,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            # antsibull-docs runs ansible-doc by its name.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        # Sphinx repeats a message for each page that it concerns.
        said = "\n".join(dict.fromkeys(done.stdout.splitlines()))
        raise DocsError(f"{command[0]} failed:\n{said}")


def write_reference(collections: Path) -> None:
    """Write the pages of the modules, the role and the changelog, from their documentation."""
    target = SOURCE / "reference"
    target.mkdir()
    settings = BUILD / "antsibull-docs.cfg"
    settings.write_text(ANTSIBULL_SETTINGS, encoding="utf-8")
    options = ("--use-current", "--squash-hierarchy", "--fail-on-error", "--no-add-antsibull-docs-version", "--no-breadcrumbs")
    run(
        *("antsibull-docs", "--config-file", str(settings), "collection"),
        *(*options, "--dest-dir", str(target), COLLECTION),
        collections=collections,
    )
    # It only lists the variables of plugins, and would say that those of the modules' options do not exist.
    (target / "environment_variables.rst").unlink()
    for page in target.glob("*.rst"):
        # The theme shows the headings of a page beside it.
        page.write_text(_CONTENTS.sub("", page.read_text(encoding="utf-8")), encoding="utf-8")
    changelog = target / "changelog.rst"
    label, _blank, text = changelog.read_text(encoding="utf-8").partition("\n\n")
    if "\n====" not in text:
        # Before the first release there is only one sentence, and every page needs a title.
        changelog.write_text(f"{label}\n\nRelease notes\n=============\n\n{text}", encoding="utf-8")


def pages() -> dict[str, str]:
    """Return the page of the site for each file of the repository that has one."""
    found = {**PROJECT_PAGES, "CHANGELOG.md": "reference/changelog.rst", "docs/examples": "examples.md"}
    for name in map(str, source_files()):
        path = Path(name)
        if path.suffix == ".md" and path.parts[0] == "docs":
            found[name] = str(path.relative_to("docs"))
        elif path.parent == Path("plugins/modules"):
            found[name] = f"reference/{path.stem}_module.rst"
        elif path.parent in (Path("plugins/callback"), Path("plugins/filter"), Path("plugins/inventory")):
            found[name] = f"reference/{path.stem}_{path.parent.name}.rst"
        elif path.parts[0] == "roles":
            found[f"roles/{path.parts[1]}"] = found[f"roles/{path.parts[1]}/README.md"] = f"reference/{path.parts[1]}_role.rst"
        elif path.parent in EXAMPLES:
            found[name] = f"examples.md#{anchor(path)}"
    return found


def rewrite(text: str, name: str, site: dict[str, str]) -> str:
    """Return a page of the repository with its links leading to pages of the site, or else to the repository on its host.

    Raises:
        DocsError: If a link has no target.
    """
    here = Path(site[name]).parent
    if name in PROJECT_PAGES:
        here = Path()

    def link(match: re.Match[str]) -> str:
        label, target = match.groups()
        path, _separator, fragment = target.partition("#")
        if _OUTSIDE.match(target):
            return match.group()
        file = os.path.normpath(Path(name).parent / path)
        if file in site:
            page = site[file] + (f"#{fragment}" if fragment else "")
            return f"{label}({os.path.relpath(page, here)})"
        if not (ROOT / file).exists():
            raise DocsError(f"{name}: the link to {target} leads nowhere.")
        if label.startswith("!"):
            return match.group()
        return f"{label}({REPOSITORY}/{'tree' if (ROOT / file).is_dir() else 'blob'}/main/{file})"

    lines, fence = [], ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark.group(1)
        elif mark and mark.group(1) == fence:
            fence = ""
        lines.append(line if mark or fence else _LINK.sub(link, line))
    return "\n".join(lines) + "\n"


def anchor(file: Path) -> str:
    """Return the anchor of an example, or of a playbook of the collection."""
    return ("playbook-" if file.parent == Path("playbooks") else "") + file.stem.replace("_", "-")


def examples() -> str:
    """Return the page with the example playbooks."""
    parts = ["# Examples", "", "Playbooks to start from. The tests run them unchanged.", ""]
    for file in (file for folder in EXAMPLES for file in sorted((ROOT / folder).glob("*.yml"))):
        text = file.read_text(encoding="utf-8").removeprefix("---\n")
        comment, body = [], text.splitlines()
        while body[0].startswith("#"):
            comment.append(body.pop(0).lstrip("# "))
        title = body[0].removeprefix("- name: ")
        name = file.relative_to(ROOT)
        parts += [f"({anchor(name)})=", f"## {title}", "", *comment, "", f"`{name}`:", ""]
        parts += ["```yaml+jinja", *body, "```", ""]
    return "\n".join(parts)


def toctree(caption: str, entries: list[str]) -> str:
    """Return a part of the navigation."""
    return "\n".join(["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *entries, "```", ""])


def assemble(collections: Path) -> None:
    """Put everything that Sphinx reads into one folder."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    SOURCE.mkdir(parents=True)
    write_reference(collections)
    site = pages()
    docs = ROOT / "docs"
    shutil.copy(docs / "conf.py", SOURCE)
    shutil.copytree(docs / "_static", SOURCE / "_static")
    (SOURCE / "guides").mkdir()
    for picture in (file for ending in ("svg", "png") for file in (*docs.glob(f"*.{ending}"), *docs.glob(f"guides/*.{ending}"))):
        shutil.copy(picture, SOURCE / picture.relative_to(docs))
    for name, page in site.items():
        if page.endswith(".md") and name.endswith(".md"):
            target = SOURCE / page
            target.parent.mkdir(exist_ok=True)
            target.write_text(rewrite((ROOT / name).read_text(encoding="utf-8"), name, site), encoding="utf-8")
    (SOURCE / "examples.md").write_text(examples(), encoding="utf-8")

    # The navigation has the guides in the order in which the front page lists them.
    front = docs.joinpath("index.md").read_text(encoding="utf-8")
    guides = re.findall(r"^\| \[[^\]]+\]\((guides/[a-z0-9_]+)\.md\)", front, re.MULTILINE)
    reference = [
        f"{file.stem.rpartition('_')[0]} <reference/{file.stem}>"
        for kind in ("role", "module", "inventory")
        for file in sorted((SOURCE / "reference").glob(f"*_{kind}.rst"), key=lambda file: file.stem.removesuffix(f"_{kind}"))
    ]
    reference.append("The collection <reference/index>")
    changelog = [f"reference/{file.stem}" for file in (SOURCE / "reference").glob("changelog.rst")]
    notes = sorted(file.stem for file in docs.glob("*.md") if file.stem != "index")
    with (SOURCE / "index.md").open("a", encoding="utf-8") as index:
        index.write(toctree("Guides", [*guides, "examples"]))
        index.write(toctree("Reference", reference))
        index.write(toctree("Project", [*changelog, *notes, *(page.removesuffix(".md") for page in PROJECT_PAGES.values())]))


def build() -> None:
    """Build the site.

    Raises:
        DocsError: If it fails, or Sphinx warns about anything.
    """
    shutil.rmtree(HTML, ignore_errors=True)
    # ansible-doc finds the collection by its name only in a folder of that name.
    with linked_collection() as link:
        collections = link.parents[2]
        assemble(collections)
        run(
            *("sphinx-build", "--builder", "html", "--fail-on-warning", "--keep-going", "--quiet"),
            *("--doctree-dir", str(BUILD / "doctrees"), str(SOURCE), str(HTML)),
            collections=collections,
        )


def main() -> int:
    """Build the site unless it is up to date, and return the exit status."""
    BUILD.mkdir(exist_ok=True)
    started = time.monotonic()
    # Tests that run at the same time all need it; one builds it, and the others find it.
    with (BUILD / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = fingerprint()
        if HTML.is_dir() and STAMP.is_file() and STAMP.read_text(encoding="utf-8") == wanted:
            print("docs/build/html is up to date.")
            return 0
        STAMP.unlink(missing_ok=True)
        try:
            build()
        except DocsError as error:
            print(error, file=sys.stderr)
            return 1
        STAMP.write_text(wanted, encoding="utf-8")
    print(f"The site is in docs/build/html ({time.monotonic() - started:.0f} s).")
    return 0


if __name__ == "__main__":
    exit_with(main)
