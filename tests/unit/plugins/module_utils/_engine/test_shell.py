"""A module's process imports its files out of a zip file, and compiles each of them once."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath
from zipimport import zipimporter

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.shell import compile_once
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT

COLLECTION = PurePosixPath("ansible_collections/cloudpeer/atlas")
UTILS = "ansible_collections.cloudpeer.atlas.plugins.module_utils"
# Imports some modules, and tells where each of their files is, and how often each file was compiled after the first module.
CHILD = """
import collections, importlib, json, sys

archive, *names = sys.argv[1:]
sys.path.insert(0, archive)
compiled = collections.Counter()
importlib.import_module(names[0])
sys.addaudithook(lambda event, args: compiled.update([args[1]]) if event == "compile" and isinstance(args[1], str) else None)
for name in names[1:]:
    importlib.import_module(name)
files = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
files = {name: file for name, file in files.items() if file.startswith(archive)}
print(json.dumps([files, {file: times for file, times in compiled.items() if file.startswith(archive)}]))
"""


def archive_of(path: Path) -> str:
    """Make a zip file with what all modules share, in the way in which Ansible sends it."""
    files = {COLLECTION / file.relative_to(ROOT): file for file in (ROOT / "plugins" / "module_utils").rglob("*.py")}
    packages = {folder / "__init__.py" for name in files for folder in name.parents if folder.name}
    with zipfile.ZipFile(path, "w") as archive:
        for name in packages - files.keys():
            archive.writestr(name.as_posix(), "")
        for name, file in files.items():
            archive.write(file, name.as_posix())
    return str(path)


def run(archive: str, *names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CHILD, archive, *names], capture_output=True, text=True, timeout=60, check=False)


def test_each_file_is_compiled_once_under_the_name_of_python(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "payload.zip")
    done = run(archive, f"{UTILS}._engine.shell", f"{UTILS}._operations.atlas_vpc_peer")
    assert done.returncode == 0, done.stderr
    files, compiled = json.loads(done.stdout)
    for name, file in files.items():
        parent = name.rpartition(".")[0].replace(".", "/")
        assert file == zipimporter(f"{archive}/{parent}" if parent else archive).get_filename(name)
    assert len(compiled) > 40
    assert set(compiled.values()) == {1}
    # Nearly all: what the shell needs itself is compiled before that.
    assert len(files) - len(compiled) < 20


def test_a_file_that_is_missing_is_missed(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "payload.zip")
    done = run(archive, f"{UTILS}._engine.shell", f"{UTILS}._engine.nothing")
    assert f"ModuleNotFoundError: No module named '{UTILS}._engine.nothing'" in done.stderr


def test_nothing_is_done_where_files_are_not_in_a_zip_file() -> None:
    before = list(sys.path_hooks)
    compile_once(__spec__.loader if __spec__ is not None else None)
    assert sys.path_hooks == before


def test_other_zip_files_are_read_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, other = archive_of(tmp_path / "payload.zip"), archive_of(tmp_path / "other.zip")
    monkeypatch.setattr(sys, "path_hooks", list(sys.path_hooks))
    before = {ours: zipimporter(ours), other: zipimporter(other)}
    monkeypatch.setattr(sys, "path_importer_cache", dict(before))
    compile_once(zipimporter(ours))
    assert sys.path_importer_cache[ours] is not before[ours]
    assert sys.path_importer_cache[other] is before[other]
    with pytest.raises(ImportError):
        sys.path_hooks[0](other)
