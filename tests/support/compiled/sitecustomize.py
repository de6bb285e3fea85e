"""Keeps compiled what Python compiles again in each process: what it imports from the zip file that Ansible makes of a module.

Python imports this file when it starts with its folder in PYTHONPATH, with the oldest Python that modules run on, too. A file is
compiled from the same text, or taken as it was compiled before, as Python itself does it for files in folders.
"""

from __future__ import annotations

import _imp
import hashlib
import marshal
import os
import sys
import zipimport
from types import CodeType

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__pycache__", "kept-" + str(sys.implementation.cache_tag))


def compile_once(source: str | bytes, filename: str, mode: str, flags: int = 0, dont_inherit: bool = False) -> CodeType:
    """Return what `compile` returns for the text of a file; the arguments are those with which files are imported."""
    text = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else bytes(source)
    proof = hashlib.sha256(sys.version.encode() + text).digest()
    # The zip file is another one each time.
    name = filename.rpartition(".zip/")[2]
    kept = os.path.join(FOLDER, name.replace("/", ".") + "c")
    try:
        with open(kept, "rb") as file:
            content = file.read()
    except OSError:
        content = b""
    if content[: len(proof)] == proof:
        known: CodeType = marshal.loads(content[len(proof) :])
        _imp._fix_co_filename(known, filename)  # type: ignore[attr-defined]
        return known
    code: CodeType = compile(source, filename, mode, flags, dont_inherit)
    if not sys.dont_write_bytecode:
        _keep(kept, proof + marshal.dumps(code))
    return code


def _keep(path: str, content: bytes) -> None:
    """Write a file as a whole, since others may read and write it at the same time; without a place for it, do nothing."""
    own = f"{path}.{os.getpid()}"
    try:
        os.makedirs(FOLDER, exist_ok=True)
        with open(own, "wb") as file:
            file.write(content)
        os.replace(own, path)
    except OSError:
        pass


# What a module calls is looked for in the module before it is in builtins: this changes it for zip files alone.
zipimport.compile = compile_once  # type: ignore[attr-defined]
