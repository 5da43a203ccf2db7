"""Where do the numbers of an event stand in its bytes? Told without the protobuf library, or not told at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

#: DataType of a tensor to the numpy type of one element and the field that lists elements one by one.
#: Source: tensorflow/core/framework/types.proto and tensor.proto.
_NUMBERS = {
    1: ("<f4", 5),
    2: ("<f8", 6),
    3: ("<i4", 7),
    4: ("u1", 7),
    5: ("<i2", 7),
    6: ("i1", 7),
    9: ("<i8", 10),
    10: ("u1", 11),
    14: ("bfloat16", 13),
    17: ("<u2", 7),
    19: ("<f2", 13),
    22: ("<u4", 16),
    23: ("<u8", 17),
}
WIDTH = {"i1": 1, "u1": 1, "<f2": 2, "bfloat16": 2, "<i2": 2, "<u2": 2, "<f4": 4, "<i4": 4, "<u4": 4} | {
    "<f8": 8,
    "<i8": 8,
    "<u8": 8,
}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SUMMARY, _SESSION_LOG = 5, 7
_BLOBS = (0x22, 0x2A, 0x32)  # keys of an image, a histogram, a sound in Summary.Value


#: What an event is read from.
Bytes = bytes | bytearray


class Value(NamedTuple):
    """One value of a summary: `number` is the numpy type of what stands at offset `at` ("bfloat16" for the upper
    half of a float), "" when it is no single number. `plugin` is None for a simple value, else the plugin that the
    tensor's metadata names ("" without metadata).
    """

    tag: str
    at: int
    number: str
    plugin: str | None


class Layout(NamedTuple):
    """The places of an event's fields, in bytes from its beginning.

    `wall` is that of the wall time (-1: not written, that is 0.0), `step` that of the step's varint of `step_bytes`
    bytes (0: not written, step 0). `free` lists (offset, length, bits): bits that may differ in another event without
    making this layout untrue. Every other bit is structure.
    """

    wall: int
    step: int
    step_bytes: int
    values: tuple[Value, ...]
    free: tuple[tuple[int, int, int], ...]


def layout(data: Bytes, at: int = 0, stop: int | None = None) -> Layout | None:
    """The layout of the event in `data[at:stop]`, its offsets counted from `at`.

    None when anything is unusual: fields written twice, unknown wire types, session logs, hyper-parameters, integers
    listed as varints, text that is not UTF-8. The protobuf library then has the word.

    >>> found = layout(bytes.fromhex("09 0000000000000840 10 05 2a 0a 0a 08 0a 01 61 15 0000003f"))
    >>> found.wall, found.step, found.values
    (1, 10, (Value(tag='a', at=19, number='<f4', plugin=None),))
    >>> layout(b"a shopping list") is None
    True
    """
    try:
        return _event(data, at, len(data) if stop is None else stop)
    except (IndexError, ValueError):
        return None


def is_blob(data: Bytes, at: int, stop: int) -> bool:
    """Whether the event in `data[at:stop]` is one picture, histogram or sound under a tag, and surely no more.

    Each length must reach to the end of what is around it, so that nothing can stand behind. What is not so simple
    is not told here.

    >>> is_blob(bytes.fromhex("09 0000000000000840 10 05 2a 0a 0a 08 0a 01 61 2a 03 010203"), 0, 23)
    True
    """
    try:
        if data[at] == 0x09:  # wall time
            at += 9
        if data[at] == 0x10:  # step
            _, at = _varint(data, at + 1, 10)
        for key in (0x2A, 0x0A):  # summary, its value
            if data[at] != key:
                return False
            size, at = _varint(data, at + 1, 5)
            if at + size != stop:
                return False
        if data[at] != 0x0A:  # tag
            return False
        size, at = _varint(data, at + 1, 5)
        data[at : at + size].decode()
        if data[at + size] not in _BLOBS:
            return False
        size, at = _varint(data, at + size + 1, 5)
        return at + size == stop
    except (IndexError, ValueError):
        return False


def _event(data: Bytes, begin: int, end: int) -> Layout:
    wall, step, step_bytes, what = -1, 0, 0, 0
    values: list[Value] = []
    free: list[tuple[int, int, int]] = []
    for field, wire, at, stop in _fields(data, begin, end):
        if (field, wire) == (1, _FIXED64) and wall < 0:
            wall = at - begin
            free.append((wall, 8, 0xFF))
        elif (field, wire) == (2, _VARINT) and not step_bytes:
            step, step_bytes = at - begin, stop - at
            free.append((step, min(step_bytes, 9), 0x7F))  # the tenth byte holds one bit: structure
        elif 3 <= field <= 9 and wire == _BYTES and not what and field != _SESSION_LOG:
            what = field
            if field == _SUMMARY:
                values = _summary(data, at, stop, begin, free)
            else:
                free.append((at - begin, stop - at, 0xFF))
        elif field <= 9:
            raise ValueError("a field twice, or of another type")
    return Layout(wall, step, step_bytes, tuple(values), tuple(free))


def _fields(data: Bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Number, wire type, beginning and end of the content of each field of a message."""
    while at < end:
        key, at = _varint(data, at, 5)
        wire = key & 7
        if wire == _VARINT:
            _, stop = _varint(data, at, 10)
        elif wire == _FIXED64:
            stop = at + 8
        elif wire == _BYTES:
            size, at = _varint(data, at, 5)
            stop = at + size
        elif wire == _FIXED32:
            stop = at + 4
        else:
            raise ValueError("a group, or no wire type at all")
        if stop > end or not 0 < key >> 3 < 1 << 29:
            raise ValueError("beyond its message, or no field number")
        yield key >> 3, wire, at, stop
        at = stop


def _varint(data: Bytes, at: int, most: int) -> tuple[int, int]:
    """The number at `at` and where it ends; at most `most` bytes."""
    first = data[at]
    if first < 0x80:
        return first, at + 1
    number, shift = first & 0x7F, 7
    for k in range(at + 1, at + most):
        byte = data[k]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if number >> 64:
                break
            return number, k + 1
        shift += 7
    raise ValueError("a varint without end")


def _summary(data: Bytes, at: int, stop: int, begin: int, free: list[tuple[int, int, int]]) -> list[Value]:
    values = []
    for field, wire, a, b in _fields(data, at, stop):
        if field != 1:
            continue
        if wire != _BYTES:
            raise ValueError("a value of another type")
        value = _value(data, a, b, begin, free)
        if value is not None:
            values.append(value)
    return values


def _value(data: Bytes, at: int, stop: int, begin: int, free: list[tuple[int, int, int]]) -> Value | None:
    """One Summary.Value; None for what is neither a simple value nor a tensor."""
    tag = plugin = number = ""
    where, kind, seen = at, 0, 0
    for field, wire, a, b in _fields(data, at, stop):
        if field > 9:
            continue
        if seen >> field & 1 or wire != (_FIXED32 if field == 2 else _BYTES):
            raise ValueError("a field twice, or of another type")
        seen |= 1 << field
        if field in (1, 7):
            text = data[a:b].decode()
            tag = text if field == 1 else tag
        elif field == 9:
            plugin = _plugin(data, a, b)
        elif kind:
            raise ValueError("two values in one")
        else:
            kind = field
            if field == 2:
                number, where = "<f4", a
                free.append((a - begin, 4, 0xFF))
            elif field == 8:
                number, where = _tensor(data, a, b, begin, free)
            else:
                free.append((a - begin, b - a, 0xFF))
    if plugin == "hparams" or tag == "args/text_summary":
        raise ValueError("hyper-parameters")
    if kind not in (2, 8):
        return None
    return Value(tag, where - begin, number, None if kind == 2 else plugin)


def _plugin(data: Bytes, at: int, stop: int) -> str:
    """The plugin named by a SummaryMetadata."""
    names = [
        data[c:d].decode()
        for field, wire, a, b in _fields(data, at, stop)
        if (field, wire) == (1, _BYTES)
        for inner, kind, c, d in _fields(data, a, b)
        if (inner, kind) == (1, _BYTES)
    ]
    if len(names) > 1:
        raise ValueError("a plugin twice")
    return names[0] if names else ""


def _tensor(data: Bytes, at: int, stop: int, begin: int, free: list[tuple[int, int, int]]) -> tuple[str, int]:
    """Type and place of a TensorProto's only number; ("", at) when it holds none or several."""
    dtype, seen, content = 0, 0, (0, 0)
    sizes: list[int] = []
    listed: list[tuple[int, int, int]] = []
    for field, wire, a, b in _fields(data, at, stop):
        if seen >> field & 1 and field < 5:
            raise ValueError("a field twice")
        seen |= 1 << min(field, 63)
        if (field, wire) == (1, _VARINT):
            dtype, _ = _varint(data, a, 10)
        elif (field, wire) == (2, _BYTES):
            sizes = [_size(data, c, d) for f, w, c, d in _fields(data, a, b) if _is_dim(f, w)]
        elif (field, wire) == (4, _BYTES):
            content = (a, b)
            free.append((a - begin, b - a, 0xFF))
        elif field >= 5 and wire != _VARINT:
            listed.append((field, a, b))
            free.append((a - begin, b - a, 0xFF))
        elif field != 3:
            raise ValueError("a varint in a list, or a field of another type")
    if any(size != 1 for size in sizes) or dtype not in _NUMBERS:
        return "", at
    number, field = _NUMBERS[dtype]
    if content[0] < content[1] and not listed:
        return (number, content[0]) if content[1] - content[0] == WIDTH[number] else ("", at)
    if content[0] == content[1] and number in ("<f4", "<f8") and len(listed) == 1:
        name, a, b = listed[0]
        if name == field and b - a == WIDTH[number]:
            return number, a
    raise ValueError("numbers as only the library reads them")


def _is_dim(field: int, wire: int) -> bool:
    if (field, wire) != (2, _BYTES):
        raise ValueError("a shape of unknown rank")
    return True


def _size(data: Bytes, at: int, stop: int) -> int:
    """The size of one TensorShapeProto.Dim."""
    found = [_varint(data, a, 10)[0] for field, wire, a, _ in _fields(data, at, stop) if (field, wire) == (1, _VARINT)]
    if len(found) > 1 or (found and found[0] >> 63):
        raise ValueError("a size twice, or below zero")
    return found[0] if found else 0
