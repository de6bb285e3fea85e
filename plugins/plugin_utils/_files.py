# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files on the controller: where their paths start, and how they are replaced as a whole."""

from __future__ import annotations

import contextlib
import os
import typing as t

# What is written names hosts, networks and accounts: by default, only its owner may read it.
PRIVATE = 0o600
# What is opened in a folder must not be a link. On Linux, a folder that cannot be listed will do.
FOLDER = os.O_DIRECTORY | getattr(os, "O_PATH", os.O_RDONLY)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_PLAYBOOKS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))), "playbooks")


def absolute(path: str, loader: t.Any) -> str:
    """Return an absolute path. A relative one starts at the playbook's folder, as everywhere in Ansible.

    With a playbook of this collection, it starts where ansible-playbook was started: nothing belongs into the folder where the
    collection is installed.
    """
    is_ours = os.path.realpath(loader.get_basedir()) == _PLAYBOOKS
    found: str = loader.path_dwim(os.path.join(os.getcwd(), os.path.expanduser(path)) if is_ours else path)
    return found


def replace_file(path: str, text: str, mode_in: t.Callable[[int, str], int] = lambda folder, name: PRIVATE) -> None:
    """Write a file as a whole, or leave the old one. A link in its place is replaced, and not followed.

    Args:
        path: Its absolute path.
        text: Its content.
        mode_in: Returns its mode, given the descriptor of its folder and its name there.

    Raises:
        OSError: If that fails.
    """
    folder, name, unfinished = os.open(os.path.dirname(path), FOLDER), os.path.basename(path), f".{os.urandom(8).hex()}.tmp"
    try:
        file = os.open(unfinished, _NEW, PRIVATE, dir_fd=folder)
        with open(file, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
            os.fchmod(file, mode_in(folder, name))
        os.replace(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(unfinished, dir_fd=folder)
        raise
    finally:
        os.close(folder)
