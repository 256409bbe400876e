"""Whether a MATLAB 5 file is laid out as it says, which SciPy takes for granted.

SciPy looks up an element's type in a table without asking whether it has such a row, makes room for
all cells before it reads one, and follows cells in cells as deep as they go: a file of a few bytes
could end the process.

"MAT-File Level 5 File Format", MathWorks, chapter 1: a data element is a tag (type and number of
bytes) and its bytes, filled up to a multiple of eight; an array is an element of elements.
"""

import math
import struct
import zlib
from pathlib import Path

_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_NUMBERS = (1, 2, 3, 4, 5, 6, 7, 9, 12, 13)
_LETTERS = (1, 2, 3, 4, 16, 17, 18)
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE, _FUNCTION, _OPAQUE = 1, 2, 3, 4, 5, 16, 17
_NUMERIC = range(6, 16)
_HEADER_BYTES = 128
_DEEPEST = 32
_MOST_BYTES = 2**30


def check_matlab5_layout(path: Path) -> None:
    """Looks at every element of a file.

    Raises:
        ValueError: if it is not laid out as a MATLAB 5 file is.
        OSError: if it cannot be read.
    """
    content = memoryview(Path(path).read_bytes())
    if len(content) < _HEADER_BYTES or content[126:128] not in (b"IM", b"MI"):
        raise ValueError("it does not begin as one")
    order = "<" if content[126:128] == b"IM" else ">"
    if struct.unpack(f"{order}H", content[124:126])[0] >> 8 != 1:
        return  # Of another version, which SciPy says.
    elements = _Elements(content[_HEADER_BYTES:], order)
    while elements.left():
        kind, data = elements.next(padded=False)
        if kind == _COMPRESSED:
            inflated = memoryview(_inflated(data))
            kind, data = _Elements(inflated, order).next(padded=False)
        if kind != _MATRIX:
            raise ValueError(f"an element of type {kind} stands where an array was expected")
        _check_matrix(data, order, 0)


def _inflated(data):
    inflater = zlib.decompressobj()
    inflated = inflater.decompress(data, _MOST_BYTES)
    if inflater.unconsumed_tail:
        raise ValueError(f"an array becomes more than {_MOST_BYTES} bytes")
    return inflated


class _Elements:
    """The elements that lie one behind the other in a piece of a file."""

    def __init__(self, content, order):
        self._content, self._order, self._start = content, order, 0

    def left(self):
        return self._start < len(self._content)

    def next(self, *kinds, padded=True):
        """Type and bytes of the next element, which is to be of one of these types."""
        try:
            kind, size = struct.unpack_from(f"{self._order}II", self._content, self._start)
        except struct.error as error:
            raise ValueError("it ends within an element") from error
        if kind >> 16:  # Up to four bytes lie in the tag itself.
            kind, size, start, room = kind & 0xFFFF, kind >> 16, self._start + 4, 4
            self._start += 8
        else:
            start, room = self._start + 8, len(self._content) - self._start - 8
            self._start = start + (size + -size % 8 if padded else size)
        if size > room:
            raise ValueError("an element reaches past its end")
        if kinds and kind not in kinds:
            raise ValueError(f"an element of type {kind} stands where {kinds} were expected")
        return kind, self._content[start : start + size]

    def integers(self, kind):
        data = self.next(kind)[1]
        letter = "i" if kind == _INT32 else "I"
        return struct.unpack(f"{self._order}{len(data) // 4}{letter}", data[: len(data) // 4 * 4])


def _check_matrix(data, order, depth):
    if depth > _DEEPEST:
        raise ValueError(f"arrays lie in one another more than {_DEEPEST} deep")
    if not len(data):
        return  # An empty array.
    elements = _Elements(data, order)
    flags = elements.integers(_UINT32)
    if len(flags) != 2:
        raise ValueError("an array has no flags")
    kind, is_complex = flags[0] & 0xFF, flags[0] & 0x800
    entries = 0
    if kind == _OPAQUE:
        for _ in range(3):
            elements.next(_INT8)
        entries = 1
    else:
        lengths = elements.integers(_INT32)
        if len(lengths) < 2 or min(lengths) < 0:
            raise ValueError(f"an array is of size {lengths}")
        elements.next(_INT8)
        if kind == _OBJECT:
            elements.next(_INT8)
        if kind in (_STRUCT, _OBJECT):
            entries = math.prod(lengths) * _number_of_fields(elements)
        elif kind == _CELL:
            entries = math.prod(lengths)
        elif kind == _FUNCTION:
            entries = 1
        elif kind == _CHAR:
            elements.next(*_LETTERS)
        elif kind in _NUMERIC or kind == _SPARSE:
            for _ in range((2 if kind == _SPARSE else 0) + (2 if is_complex else 1)):
                elements.next(*_NUMBERS)
        else:
            raise ValueError(f"an array is of class {kind}")
    if 8 * entries > len(data):
        raise ValueError(f"an array declares {entries} entries in {len(data)} bytes")
    for _ in range(entries):
        _check_matrix(elements.next(_MATRIX)[1], order, depth + 1)


def _number_of_fields(elements):
    [length] = elements.integers(_INT32)[:1] or [0]
    names = elements.next(_INT8)[1]
    if length < 1 or len(names) % length:
        raise ValueError(f"names of fields, {length} bytes each, take {len(names)} bytes")
    return len(names) // length
