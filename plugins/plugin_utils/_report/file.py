# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of a report on the controller: its format by extension, its path, and the atomic write."""

from __future__ import annotations

import contextlib
import os
import time

from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError, TaskError
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.markdown import to_markdown
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.page import to_html
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.view import Result

_FORMS = {".html": to_html, ".md": to_markdown}


class Report:
    """The file of a report; its path is checked before the task runs, and it is written afterwards.

    Args:
        path: The absolute path, with the extension .html or .md.

    Raises:
        InvalidOptionError: If the extension is another one, the folder does not exist, or the path is a folder.
    """

    def __init__(self, path: str) -> None:
        extension = os.path.splitext(path)[1].lower()
        if extension not in _FORMS:
            raise InvalidOptionError(f"report has neither the extension .html nor .md: {path}.", hint="Its form depends on that.")
        target = os.path.realpath(path)
        folder = os.path.dirname(target)
        if not os.path.isdir(folder):
            raise InvalidOptionError(f"report: the folder {folder} does not exist on the controller.", hint="Create it first.")
        if os.path.isdir(path):
            raise InvalidOptionError(f"report: {path} is a folder.", hint="Give the path of a file.")
        # If the path is a link, its target is replaced, and not the link.
        self._path = target
        self._to_text = _FORMS[extension]

    def write(self, peering_check: Result) -> None:
        """Write or replace the report.

        Raises:
            TaskError: If that fails; an earlier report stays.
        """
        made_at = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
        unfinished = f"{self._path}.{os.getpid()}.tmp"
        try:
            # Without tempfile, so that the user's umask sets the permissions.
            with open(unfinished, "x", encoding="utf-8", errors="backslashreplace") as file:
                file.write(self._to_text(peering_check, made_at))
            os.replace(unfinished, self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(unfinished)
            detail = error.strerror or str(error)
            raise TaskError(
                f"Failed to write the report {self._path}: {detail}.",
                detail=detail,
                hint="Check who may write to its folder, and whether there is room. The result has all that was found.",
            ) from None
