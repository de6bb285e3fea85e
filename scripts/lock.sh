#!/bin/sh
# Writes the .txt files in requirements/ from the .in files beside them: each package in one version, with the hashes of its files.
# Versions stay as they are unless an .in file or an argument says otherwise: --upgrade, or --upgrade-package NAME.
# pip installs uv, which has its own setting for another package index: UV_DEFAULT_INDEX.
set -eu
cd "$(dirname "$0")/.."

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/python" -m pip install --quiet --no-input --disable-pip-version-check uv==0.13.9

# lock NAME OPTION...: with the extras that others ask for. Without them, pip takes "coverage[toml]" for another package than the pinned
# "coverage", and refuses the lock as soon as there is a newer release of it.
lock() {
    name=$1
    shift
    "$tools/bin/uv" pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-strip-extras \
        --custom-compile-command "make lock" --output-file "requirements/$name.txt" "$@" "requirements/$name.in"
}

# For every system and every Python from the oldest that setup.sh accepts.
for name in dev docs azure; do
    lock "$name" --python-version 3.11 "$@"
done
# A wheel that is not installed, so that the Python that it is for does not matter.
lock azcollection --python-version 3.13 --no-deps "$@"
