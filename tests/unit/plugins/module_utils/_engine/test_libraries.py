"""Which packages for the clouds are missing or too old, and what the user reads of that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine import operation as _libraries
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import OLDEST, command_for, find_library, lack_of

TRACEBACK = "Traceback (most recent call last):\nImportError: boto3 is broken"


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    find_library.cache_clear()
    yield
    find_library.cache_clear()


@pytest.mark.parametrize("name", sorted(OLDEST))
def test_what_is_there_will_do(name: str) -> None:
    assert find_library(name) == (name, None)


@pytest.mark.parametrize(
    ("name", "version", "is_old"),
    [
        ("boto3", "1.28.0", False),
        ("boto3", "1.28", False),
        ("boto3", "1.100.3", False),
        ("boto3", "2.0", False),
        ("boto3", "1.27.165", True),
        ("boto3", "1.9.253", True),
        ("azure-identity", "1.17.0b1", False),
        ("azure-identity", "1.16.1", True),
        ("google-auth", "2.14.0", False),
        ("google-auth", "2.13.2.dev1", True),
        ("google-auth", "1.35.0", True),
    ],
)
def test_an_old_version_is_refused_with_both(monkeypatch: pytest.MonkeyPatch, name: str, version: str, is_old: bool) -> None:
    monkeypatch.setattr(_libraries, "version", lambda asked: {name: version}[asked])
    unused, error = find_library(name)
    assert error == (f"{name} {version} instead of {OLDEST[name]} or later" if is_old else None)
    if error is not None:
        assert (lack_of(name, error), command_for(name, error)) == (error, f"pip install --upgrade {name}")


def _raise(error: Exception) -> Any:
    raise error


def test_what_is_missing_or_broken_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = find_library("boto3", TRACEBACK)
    monkeypatch.setattr(_libraries, "find_spec", lambda name: None)
    missing = find_library("boto3")
    find_library.cache_clear()
    # What is in the way of a package within another, as `azure` alone.
    monkeypatch.setattr(_libraries, "find_spec", lambda name: _raise(ModuleNotFoundError(name)))
    assert [broken, missing, find_library("azure-identity")] == [
        ("boto3", TRACEBACK),
        ("boto3", "No module named 'boto3'"),
        ("azure-identity", "No module named 'azure.identity'"),
    ]
    for name, error in (broken, missing):
        assert (lack_of(name, error or ""), command_for(name, error or "")) == ("no boto3", "pip install boto3")


def test_a_package_without_a_version_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_libraries, "version", lambda name: _raise(_libraries.PackageNotFoundError(name)))
    assert find_library("boto3") == ("boto3", None)
