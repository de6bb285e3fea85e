#!/bin/sh
# Creates .venv with the locked development requirements, or does nothing if it exists and is up to date.
# "setup.sh docs" does the same for .venv-docs, which the site and the gates use: requirements/docs.in says why. "setup.sh aws" does so for
# .venv-aws, with Amazon's tool.
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
    aws)
        venv=.venv-aws
        requirements="requirements/aws.txt"
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
    cksum <"$requirements"
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
    # ansible-test takes none after 3.13; the rest runs with later ones, too.
    for candidate in python3.13 python3.12 python3.11 python3; do
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

echo "Setting up $venv ($("$python" -IS -c 'import sys; print("Python %d.%d" % sys.version_info[:2])'), once; a minute, or up to five)" >&2
echo "  1 of 2: an environment of its own, beside that of the machine" >&2
rm -rf "$venv"
"$python" -m venv "$venv" || fail "$python could not create $venv; its output is above."

echo "  2 of 2: the $(grep -c '^[a-z0-9].*==' "$requirements") packages in $requirements, from the package index" >&2
# pip says nothing until it is done.
(while sleep 15; do echo "          still at it" >&2; done) &
ticker=$!
trap 'kill "$ticker" 2>/dev/null || :' EXIT
# Wheels only: what builds another file has no hash. Python compiles what it imports; of the clouds' clients, that is a small part.
"$venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --require-hashes --only-binary :all: --no-compile \
    --requirement "$requirements" ||
    fail "the packages in $requirements could not be installed; pip's output is above. Can pip reach a package index?"
state >"$stamp"
