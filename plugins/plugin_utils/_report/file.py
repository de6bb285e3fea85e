# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of a report on the controller: its format by extension, its path and mode, and the atomic write."""

from __future__ import annotations

import json
import os
import re
import stat

from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.findings import REPORT_VERSION
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError, TaskError
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._files import FOLDER, PRIVATE, replace_file
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.junit import to_junit
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.markdown import to_markdown
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.page import to_html
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.view import Result

_MOST_LINKS = 40


def to_json(peering_check: Result, moment: str) -> str:
    """Return the whole result as JSON, which `since` of a later check reads.

    Args:
        peering_check: The field `peering_check` of a result.
        moment: When the report is made, in UTC, as results have it.
    """
    report = {"version": REPORT_VERSION, "time": moment, "peering_check": peering_check}
    return json.dumps(report, indent=1, default=str) + "\n"


_FORMS = {".html": to_html, ".md": to_markdown, ".json": to_json, ".xml": to_junit}


class Report:
    """The file of a report; its path is checked before the task runs, and once more when it is written afterwards.

    Args:
        path: The absolute path, with one of the extensions .html, .md, .json and .xml.
        mode: The permissions as an octal text; None for those of the file that is there, or else for its owner alone.

    Raises:
        InvalidOptionError: If the extension is another one, the folder does not exist, the path is a folder or another user's
            link, or the mode is invalid.
    """

    def __init__(self, path: str, mode: object = None) -> None:
        extension = os.path.splitext(path)[1].lower()
        if extension not in _FORMS:
            raise InvalidOptionError(
                f"report has none of the extensions {', '.join(_FORMS)}: {path}.", hint="Choose one: it says what is written."
            )
        self._path = path
        self._mode = None if mode is None else _parse_mode(mode)
        self._to_text = _FORMS[extension]
        target = _target_of(path)
        folder = os.path.dirname(target)
        if not os.path.isdir(folder):
            raise InvalidOptionError(f"report: the folder {folder} does not exist on the controller.", hint="Create it first.")
        if os.path.isdir(target):
            raise InvalidOptionError(f"report: {path} is a folder.", hint="Give the path of a file.")

    def write(self, peering_check: Result, moment: str) -> None:
        """Write or replace the report.

        Args:
            peering_check: The field `peering_check` of the result.
            moment: When the report is made, in UTC, as results have it.

        Raises:
            TaskError: If that fails; an earlier report stays.
        """
        text = self._to_text(peering_check, moment)
        target = _target_of(self._path)
        try:
            # A link that is made there now is not followed.
            replace_file(target, text, self._mode_in)
        except OSError as error:
            detail = error.strerror or str(error)
            raise TaskError(
                f"Failed to write the report {target}: {detail}.",
                detail=detail,
                hint="Check who may write to its folder, and whether there is room. The result has all that was found.",
            ) from None

    def _mode_in(self, folder: int, name: str) -> int:
        """Return the mode that the option has, or that of the file that is there, or else that of a new one."""
        if self._mode is not None:
            return self._mode
        try:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return PRIVATE
        return stat.S_IMODE(found) if stat.S_ISREG(found) else PRIVATE


def _parse_mode(value: object) -> int:
    """Return a mode.

    Raises:
        InvalidOptionError: If the value is not an octal text. A number is refused: YAML reads 0640 as 416, and 640 as it is.
    """
    if not isinstance(value, str) or not re.fullmatch("0?[0-7]{3}", value):
        raise InvalidOptionError(f"report_mode is not a file mode in quotes: {value!r}.", hint='Write it like "0640".')
    return int(value, 8)


def read_report(option: str, path: str) -> object:
    """Return the content of a JSON report of an earlier run.

    Args:
        option: The option that names it.
        path: Its absolute path.

    Raises:
        InvalidOptionError: If it cannot be read, is not JSON, is null, or is another user's link.
    """
    target, hint = _target_of(path, option), "Give a report that this module has written, with the ending .json."
    try:
        folder = os.open(os.path.dirname(target), FOLDER)
        try:
            # A pipe must not hold the task up.
            file = os.open(os.path.basename(target), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        finally:
            os.close(folder)
        with open(file, encoding="utf-8") as stream:
            content = json.load(stream)
    except OSError as error:
        raise InvalidOptionError(f"{option}: {target} cannot be read: {error.strerror or error}.", hint=hint) from None
    except (ValueError, RecursionError):
        raise InvalidOptionError(f"{option}: {target} is not JSON.", hint=hint) from None
    if content is None:
        # It would be an option that is not set.
        raise InvalidOptionError(f"{option}: {target} has nothing but null.", hint=hint)
    return content


def _target_of(path: str, option: str = "report") -> str:
    """Return the path itself, or where it leads if it is a link: the link stays, and its target is written.

    Raises:
        InvalidOptionError: If another user made the link. It may lead to a file that only this user may write.
    """
    target = path
    for unused in range(_MOST_LINKS):
        try:
            found = os.lstat(target)
        except OSError:
            return target
        if not stat.S_ISLNK(found.st_mode):
            return target
        if found.st_uid != os.geteuid():
            hint = "Remove it, or give another path."
            raise InvalidOptionError(f"{option}: {target} is a link that another user has made.", hint=hint)
        target = os.path.join(os.path.dirname(target), os.readlink(target))
    raise InvalidOptionError(f"{option}: {path} is a link that leads to itself.", hint="Remove it, or give another path.")
