# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a text may be shown: no secrets, be they plain, URL-encoded or JSON-escaped, and no control characters."""

from __future__ import annotations

import bisect
import re
import typing as t

STARS = "********"
# A shorter secret is masked only where a whole value is that text: within words, `test` would turn `latest` into `la********`.
SHORTEST = len(STARS)
# The longest form of one character: a JSON escape, URL-encoded.
_LONGEST_FORM = len("%5Cud83d%5Cude00")

_HEX = "[0-9a-f]"


def _units(backslash: str, ordinary: str, more: str = "") -> str:
    """Return a pattern for the units of a text: JSON escapes, other backslashes, and plain characters.

    A character outside ASCII is a unit by itself, since it has more than one byte.
    """
    half = rf"{backslash}ud{_HEX}{{3}}"
    escape = rf"(?P<escape>{half}{half}|{backslash}u{_HEX}{{4}})"
    nothing = rf"(?P<nothing>(?:{backslash}(?!u{_HEX}{{4}}))+)"
    return rf"(?is){escape}|{nothing}|{more}(?P<ascii>{ordinary})|(?P<other>.)"


# Not compiled: most tasks have nothing to redact, and compiling a pattern takes as long as reading a file.
_LITERAL = _units(r"\\", r"[\x00-\x5b\x5d-\x7f]+")
# In URLs. A percent sign without two hexadecimal digits is a plain character.
_ENCODED = _units(r"(?:\\|%5c)", r"%|[\x00-\x24\x26-\x5b\x5d-\x7f]+", rf"(?P<bytes>(?:%(?!5c){_HEX}{{2}})+)|")
_BACKSLASHES = r"(?i)(?:\\|%5c)+"

Span = tuple[int, int]


class _Decoded:
    """The decoded bytes of a text, in lower case and without backslashes, and the place in the text of each.

    A backslash may be a character or begin an escape, so texts are compared without backslashes.
    """

    def __init__(self, text: str, units: str) -> None:
        # For each unit: the position of its first byte, its start and end in the text, and the characters per byte (0 if the
        # unit cannot be divided).
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
            # In forms, a plus is a space.
            self.content = self.content.replace(b"+", b" ")

    def find(self, wanted: bytes) -> t.Iterator[Span]:
        """Yield each place in the text, as start and end, that decodes to these bytes."""
        position = self.content.find(wanted)
        while position >= 0:
            yield self._place(position)[0], self._place(position + len(wanted) - 1)[1]
            position = self.content.find(wanted, position + len(wanted))

    def _place(self, position: int) -> Span:
        # The last unit that begins at the position or before it.
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
        # The secret is searched for with its escapes decoded, and literally: a URL may encode them character by character.
        for wanted in {_Decoded(secret, _LITERAL).content, _encode(secret.replace("\\", "")).lower()} - {b""}:
            yield from literal.find(wanted)
            yield from encoded.find(wanted.replace(b"+", b" "))
        if not secret.strip("\\"):
            for match in re.finditer(_BACKSLASHES, text):
                if match.group().replace("\\", "%5c").count("%") >= len(secret):
                    yield match.span()


def redacted(text: str, secrets: t.Iterable[str], most: int | None = None) -> str:
    """Return `text` with stars in the place of `secrets`. The time grows linearly with their lengths.

    Secrets are found plain, URL-encoded and JSON-escaped, in any mixture; ASCII letters match in either case. Those with less
    than SHORTEST characters are found only if they are the whole text.

    Args:
        text: Any text.
        secrets: What must not be shown, not even in part.
        most: The most characters to return; None for all.
    """
    known = {*filter(None, secrets)}
    if text in known:
        return STARS[:most]
    wanted = sorted(one for one in known if len(one) >= SHORTEST)
    kept = len(text) if most is None else min(most, len(text))
    # Look beyond the end, to find a secret that is cut off there.
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


def name_in(key: str) -> str:
    """Return the name in an unknown key: `secret_key:x`, without a space after the colon, is one key with a secret in it."""
    return re.sub(r"[^\w.-].*", "…", key, flags=re.DOTALL)


def visible(text: str) -> str:
    r"""Return a text on one line, with control characters as escapes (`\x1b`): names and replies come from other people."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
