#!/bin/sh
# Writes the .txt files in requirements/ from the .in files beside them: each package in one version, with the hashes of its files.
# Versions stay as they are unless an .in file or an argument says otherwise: --upgrade, or --upgrade-package NAME.
# uv has its own setting for another package index: UV_DEFAULT_INDEX.
set -eu
cd "$(dirname "$0")/.."

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --require-hashes --only-binary :all: \
    --requirement requirements/lock.txt

# lock NAME OPTION...: with the extras that others ask for. Without them, pip takes "coverage[toml]" for another package than the pinned
# "coverage", and refuses the lock as soon as there is a newer release of it.
lock() {
    name=$1
    shift
    "$tools/bin/uv" pip compile --quiet --universal --generate-hashes --only-binary :all: --no-emit-index-url --no-strip-extras \
        --custom-compile-command "make lock" --output-file "requirements/$name.txt" "$@"
}

# For every system and every Python from the oldest that setup.sh accepts.
for name in dev docs aws lock; do
    lock "$name" "requirements/$name.in" --python-version 3.11 "$@"
done

# For scripts/cores.py: each release of ansible-core, and what it does not share with dev.txt.
sed -nE 's/^([A-Za-z0-9._-]+)(\[[a-z,]+\])?(==[^\\]*).*/\1\3/p' requirements/dev.txt | sed -E '/^(ansible-core|resolvelib)==/d' >"$tools/dev.in"
for core in 2.16 2.17 2.18 2.19 2.20 2.21 2.22; do
    # A Python that the release runs on.
    case $core in 2.22) python=3.13 ;; *) python=3.12 ;; esac
    # shellcheck disable=SC2046 # an option for each package
    echo "ansible-core==$core.*" | lock "core-$core" - --python-version "$python" --no-annotate --constraint "$tools/dev.in" \
        $(sed 's/==.*//; s/^/--no-emit-package /' "$tools/dev.in") "$@"
done
# For scripts/cores.py, too: the modules' requirements in the oldest versions that requirements.txt allows. Alone, for the oldest Python of a
# target, and with what the tests of the plugins need: some of the packages in dev.txt need a newer requests.
sed -n 's/>=\(.*\)/==\1.*/p' requirements.txt >"$tools/oldest.in"
lock target - --python-version 3.9 "$@" <"$tools/oldest.in"
cat requirements/oldest.in "$tools/oldest.in" | lock oldest - --python-version 3.11 "$@"
