#!/bin/sh
# Creates .venv with the locked development requirements, or does nothing if it exists and is up to date.
# "setup.sh docs" does the same for .venv-docs, which the site and the gates use: requirements/docs.in says why.
# "setup.sh azure" does it for .venv-azure, for the tests with the clouds' own clients: requirements/azure.in says why. The collection is in
# .venv-azure/collections, from a wheel of an index of Python packages, so that no other server is needed.
# PYTHON is the interpreter to use; by default, the first suitable one on PATH.
set -eu
cd "$(dirname "$0")/.."

case "${1:-}" in
    "")
        venv=.venv
        requirements="requirements/dev.txt"
        ;;
    docs)
        venv=.venv-docs
        requirements="requirements/docs.txt"
        ;;
    azure)
        venv=.venv-azure
        requirements="requirements/azure.txt requirements/azcollection.txt"
        ;;
    *)
        echo "Set-up: there is no set-up called $1." >&2
        exit 1
        ;;
esac
stamp=$venv/stamp

version() {
    "$1" -IS -c 'import sys; print(sys.version)' 2>/dev/null || echo "no interpreter"
}

# What the environment depends on. The folder is part of it, because the scripts in its bin contain its absolute path.
state() {
    # shellcheck disable=SC2086 # there may be two files
    cat $requirements | cksum
    version "$venv/bin/python"
    pwd
}

if [ -f "$stamp" ] && [ "$(state)" = "$(cat "$stamp")" ]; then
    # One for another interpreter will do, unless PYTHON is set.
    if [ -z "${PYTHON:-}" ] || [ "$(version "$PYTHON")" = "$(version "$venv/bin/python")" ]; then
        exit 0
    fi
fi

fail() {
    printf 'Set-up: %s\n' "$@" >&2
    exit 1
}

# Prints what is wrong with the interpreter, or nothing if it is suitable.
# The interpreter is run, because a version manager's placeholder can be on PATH without a Python behind it.
complaint() {
    if ! "$1" -IS -c 'pass' >/dev/null 2>&1; then
        echo "$1 does not run. Install Python 3.11 or later, or name another one: make PYTHON=/path/to/python3"
    elif ! "$1" -IS -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        echo "$1 is Python $("$1" -IS -c 'import platform; print(platform.python_version())'), too old." \
            "Install Python 3.11 or later, or name another one: make PYTHON=/path/to/python3"
    elif ! "$1" -I -c 'import ensurepip, venv' >/dev/null 2>&1; then
        echo "$1 has no venv module (with ensurepip)." \
            "Install it (on Debian and Ubuntu: apt-get install python3-venv), or name another Python: make PYTHON=/path/to/python3"
    fi
}

command -v git >/dev/null 2>&1 || fail "git is missing. Install git."

if [ -n "${PYTHON:-}" ]; then
    problem=$(complaint "$PYTHON")
    [ -z "$problem" ] || fail "$problem"
    python=$PYTHON
else
    python=
    first_problem=
    for candidate in python3 python3.13 python3.12 python3.11; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        problem=$(complaint "$candidate")
        if [ -z "$problem" ]; then
            python=$candidate
            break
        fi
        first_problem=${first_problem:-$problem}
    done
    [ -n "$python" ] ||
        fail "${first_problem:-Python is missing. Install Python 3.11 or later, or name one: make PYTHON=/path/to/python3}"
fi

echo "Setting up $venv ($("$python" -IS -c 'import sys; print("Python %d.%d" % sys.version_info[:2])'), once; about a minute)" >&2
rm -rf "$venv"
"$python" -m venv "$venv" || fail "$python could not create $venv; its output is above."

# pip SUBCOMMAND FILE OPTION...: with the packages of a file of requirements. Wheels only: what builds another file has no hash.
pip() {
    subcommand=$1 file=$2
    shift 2
    "$venv/bin/python" -m pip "$subcommand" --quiet --no-input --disable-pip-version-check --require-hashes --only-binary :all: \
        --requirement "$file" "$@" ||
        fail "the packages in $file could not be installed; pip's output is above. Can pip reach a package index?"
}

# Takes azure.azcollection, and compiles what its modules import: a tenth of what is there, and without it each of them takes five times as long.
set_up_azure() {
    pip install requirements/azure.txt --no-compile
    pip download requirements/azcollection.txt --no-deps --python-version 3.13 --dest "$venv/wheel"
    "$venv/bin/python" -IS - "$venv" <<'EOS' || fail "azure.azcollection could not be unpacked."
import pathlib, sys, zipfile

venv = pathlib.Path(sys.argv[1])
(wheel,) = (venv / "wheel").glob("*.whl")
with zipfile.ZipFile(wheel) as opened:
    names = [name for name in opened.namelist() if name.startswith("ansible_collections/azure/azcollection/")]
    opened.extractall(venv / "collections", names)
EOS
    rm -r "$venv/wheel"
    PYTHONDONTWRITEBYTECODE='' PYTHONPATH=$venv/collections "$venv/bin/python" - <<'EOS' || fail "azure.azcollection does not run."
from ansible_collections.azure.azcollection.plugins.module_utils.azure_rm_common import AZURE_IMPORT_ERROR
from ansible_collections.azure.azcollection.plugins.modules import azure_rm_adserviceprincipal

raise SystemExit(AZURE_IMPORT_ERROR)
EOS
}

if [ "$venv" = .venv-azure ]; then
    set_up_azure
else
    pip install "$requirements"
fi
state >"$stamp"
