# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking secrets out of texts, in whichever way their characters are written there."""

from __future__ import annotations

import bisect
import re
import typing as t

STARS = "********"
# The longest way to write a character of a secret: as JSON, and that in a URL.
_LONGEST_FORM = len("%5Cud83d%5Cude00")

_HEX = "[0-9a-f]"


def _units(backslash: str, ordinary: str, more: str = "") -> str:
    """Return a pattern for the units of a text: JSON escapes, other backslashes, and what means itself.

    A character outside ASCII is a unit of its own, since it has more than one byte.
    """
    half = rf"{backslash}ud{_HEX}{{3}}"
    escape = rf"(?P<escape>{half}{half}|{backslash}u{_HEX}{{4}})"
    nothing = rf"(?P<nothing>(?:{backslash}(?!u{_HEX}{{4}}))+)"
    return rf"(?is){escape}|{nothing}|{more}(?P<ascii>{ordinary})|(?P<other>.)"


# Not compiled: most tasks have nothing to redact, and to compile a pattern takes as long as to read a file.
_LITERAL = _units(r"\\", r"[\x00-\x5b\x5d-\x7f]+")
# In URLs; a percent sign without two hexadecimal digits means itself.
_ENCODED = _units(r"(?:\\|%5c)", r"%|[\x00-\x24\x26-\x5b\x5d-\x7f]+", rf"(?P<bytes>(?:%(?!5c){_HEX}{{2}})+)|")
_BACKSLASHES = r"(?i)(?:\\|%5c)+"

Span = tuple[int, int]


class _Decoded:
    """A text as the bytes that it means, without backslashes and in lower case, and where in the text each of them is from.

    A backslash may be a character or only announce one, so none counts: what is the same but for backslashes is the same.
    """

    def __init__(self, text: str, units: str) -> None:
        # Of each unit: where its bytes begin, where it begins and ends in the text, and the characters for each byte; 0 for a
        # unit that cannot be divided.
        self._units: list[tuple[int, int, int, int]] = []
        content = bytearray()
        for match in re.finditer(units, text):
            kind, unit = match.lastgroup, match.group()
            if kind == "nothing":
                continue
            if kind == "bytes":
                data, step = bytes.fromhex(unit.replace("%", "")), 3
            elif kind == "escape":
                data, step = _encode("".join(chr(int(half, 16)) for half in re.findall("u(.{4})", unit.lower()))), 0
            else:
                data, step = _encode(unit), int(kind == "ascii")
            self._units.append((len(content), match.start(), match.end(), step))
            content += data
        self.content = bytes(content).lower()
        if units == _ENCODED:
            # As a space is written in forms.
            self.content = self.content.replace(b"+", b" ")

    def find(self, wanted: bytes) -> t.Iterator[Span]:
        """Yield the places in the text where these bytes are from."""
        position = self.content.find(wanted)
        while position >= 0:
            yield self._place(position)[0], self._place(position + len(wanted) - 1)[1]
            position = self.content.find(wanted, position + len(wanted))

    def _place(self, position: int) -> Span:
        # The last unit that begins there or before.
        begin, start, end, step = self._units[bisect.bisect_left(self._units, (position + 1,)) - 1]
        if not step:
            return start, end
        start += (position - begin) * step
        return start, start + step


def _encode(text: str) -> bytes:
    """Return the bytes of a text, with the two halves of a surrogate pair joined."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _find(text: str, secrets: list[str]) -> t.Iterator[Span]:
    literal, encoded = _Decoded(text, _LITERAL), _Decoded(text, _ENCODED)
    for secret in secrets:
        # What reads like an escape in the secret may have been taken apart in a URL.
        for wanted in {_Decoded(secret, _LITERAL).content, _encode(secret.replace("\\", "")).lower()} - {b""}:
            yield from literal.find(wanted)
            yield from encoded.find(wanted.replace(b"+", b" "))
        if not secret.strip("\\"):
            for match in re.finditer(_BACKSLASHES, text):
                if match.group().replace("\\", "%5c").count("%") >= len(secret):
                    yield match.span()


def redacted(text: str, secrets: t.Iterable[str], most: int | None = None) -> str:
    """Return `text` without `secrets`, in a time that grows with their lengths and no faster.

    Each character of a secret is found as itself, and as it is written in URLs and in JSON; of ASCII, in either case.

    Args:
        text: Any text.
        secrets: What must not be in it, not even in part.
        most: The most characters of the text to return; None for all of them.
    """
    wanted = sorted({*filter(None, secrets)})
    kept = len(text) if most is None else min(most, len(text))
    # What begins before the end is found even where it ends behind it.
    text = text[: kept + _LONGEST_FORM * max(map(len, wanted), default=0)]
    parts, done = [], 0
    for start, end in sorted(_find(text, wanted)):
        if done <= start < kept:
            parts += [text[done:start], STARS]
            done = end
        elif start < kept:
            done = max(done, end)
    parts.append(text[done:kept])
    return "".join(parts)[:most]
