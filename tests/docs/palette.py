"""Pictures of pages with few colours, which takes a third of the bytes: the PNG of a browser becomes one with a palette.

Source: the PNG specification, third edition: 9 (filters), 11.2 (chunks). It needs no package, and is for such pictures alone.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLORS = 128
# The bytes of a pixel, by the type of colour: RGB, and RGB with alpha.
_STEPS = {2: 3, 6: 4}

Color = tuple[int, ...]


def header(file: Path) -> tuple[int, int, int]:
    """Return width, height and type of colour of a picture; 3 is a palette."""
    width, height, _depth, kind = struct.unpack(">IIBB", file.read_bytes()[16:26])
    return width, height, kind


def with_palette(source: Path, target: Path) -> None:
    """Write a picture with its most frequent colours; each other one becomes the nearest of them."""
    width, height, kind = header(source)
    pixels = [_colors(row, _STEPS[kind]) for row in _rows(source, width, height, _STEPS[kind])]
    counted = Counter(itertools.chain.from_iterable(pixels))
    palette = [color for color, _number in counted.most_common(COLORS)]
    places = {color: min(range(len(palette)), key=lambda place: _distance(palette[place], color)) for color in counted}
    rows = b"".join(b"\0" + bytes(places[color] for color in row) for row in pixels)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", b"".join(map(bytes, palette))),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    target.write_bytes(SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _distance(one: Color, other: Color) -> int:
    return sum((first - second) ** 2 for first, second in zip(one, other))


def _colors(row: bytearray, step: int) -> list[Color]:
    return [tuple(row[place : place + 3]) for place in range(0, len(row), step)]


def _rows(file: Path, width: int, height: int, step: int) -> Iterator[bytearray]:
    """Yield the rows of a picture, without their filters."""
    content, data, place = file.read_bytes(), b"", len(SIGNATURE)
    while place < len(content):
        length = struct.unpack_from(">I", content, place)[0]
        if content[place + 4 : place + 8] == b"IDAT":
            data += content[place + 8 : place + 8 + length]
        place += length + 12
    plain, size = zlib.decompress(data), width * step
    above = bytearray(size)
    for number in range(height):
        start = number * (size + 1)
        row = bytearray(plain[start + 1 : start + 1 + size])
        for index in range(size):
            left, corner = (row[index - step], above[index - step]) if index >= step else (0, 0)
            row[index] = (row[index] + _predicted(plain[start], left, above[index], corner)) & 255
        yield row
        above = row


def _predicted(kind: int, left: int, above: int, corner: int) -> int:
    if kind == 4:
        guess = left + above - corner
        return min((left, above, corner), key=lambda one: abs(guess - one))
    return (0, left, above, (left + above) // 2)[kind]
