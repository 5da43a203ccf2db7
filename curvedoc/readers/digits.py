"""Which numbers stand in the cells of a table? All of a block of text at once, to the last bit those of `float`.

Eight digits are one word of eight bytes, and three multiplications make a number of it (Lemire 2018). Mantissa and
power of ten are exact in the 64 bits of a long double up to 19 digits and 10^27, so that their quotient is rounded
twice at most, to 64 bits and to 53. Both roundings together go wrong only where the first one ends in the middle
between two doubles (Clinger 1990): these cells, one in two thousand, and all that are no plain decimal number are left
to the caller.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..run import Array

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
Words = npt.NDArray[np.uint64]

#: What a cell is: nothing, a number, or something that has to be read by itself.
BLANK, NUMBER, OTHER = 0, 1, 2
#: Whether long doubles have the 64 bits that the proof above needs; elsewhere the caller reads in its own way.
POSSIBLE = np.finfo(np.longdouble).nmant == 63 and sys.byteorder == "little"

_MINUS, _PLUS, _DOT, _LF, _CR = b"-+.\n\r"
_E, _SMALL = ord("e"), np.uint8(ord("e") - ord("E"))
#: Digits before the point, digits behind it, and of both together where the number does not begin with zeros.
_WHOLE, _FRACTION, _DIGITS = 16, 24, 19
_LONGEST = 100  # bytes of a cell that is looked at
_LARGEST = 27  # 10^27 is the largest power of ten that 64 bits hold: 5^27 < 2^64
_PAD = bytes(_FRACTION)  # around a text: what stands before the end of its first number can be loaded, too
_TEN = np.array([10**k if k <= _DIGITS else 0 for k in range(_LARGEST + 1)], np.uint64)
_POWER = np.longdouble(10) ** np.arange(_LARGEST + 1) if POSSIBLE else np.ones(1, np.longdouble)
_DOUBLES = 10.0 ** np.arange(23)  # the powers of ten that a double holds
_EIGHT = np.uint64(10**8)
_EXACT = np.uint64(1 << 53)
#: For one to three words, and each count of digits at their end: the bits of the digits.
_KEEP: tuple[Words, ...] = tuple(
    np.frombuffer(b"".join(bytes(size - n) + n * b"\x0f" for n in range(size + 1)), "<u8").reshape(-1, size // 8)
    for size in (8, 16, 24)
)
_PAIRS = tuple((np.dtype(kind), ten) for kind, ten in (("<u2", 10), ("<u4", 100), ("<u8", 10_000)))
_ALL = np.True_
_NAN = np.uint64(int.from_bytes(b"NAN", "little"))
_CAPITALS = np.uint64(0xDFDFDF)


class Cells(NamedTuple):
    """The cells of a text in their order, (m,) each: what they are, their numbers (0 where none), and where in the
    text they begin and end."""

    kind: Bytes
    value: Array
    begin: Places
    end: Places


class Text(NamedTuple):
    """A text as numpy sees it: its bytes between two pads, the places `at` (k,) in it of all that is no digit, and
    `what` (k,) stands there."""

    padded: bytes
    at: Places
    what: Bytes


def of(text: bytes) -> Text:
    data = np.frombuffer(text, np.uint8)
    at = np.flatnonzero((data - np.uint8(48)) > 9)
    return Text(_PAD + text + _PAD, at, data[at])


def cells(text: bytes, delimiter: str) -> Cells:
    r"""The cells of a text of ASCII or UTF-8 that ends with a newline; `delimiter` is one ASCII character.

    A delimiter, a newline and a carriage return, which may have a newline behind it, end a cell.

    >>> found = cells(b"1,-0.25,,nan\r\n7e-3,.5,NA,12\r\n", ",")
    >>> found.kind.tolist(), found.value[[0, 1, 4, 5, 7]].tolist()
    ([1, 1, 0, 1, 1, 1, 2, 1], [1.0, -0.25, 0.007, 0.5, 12.0])
    """
    source = of(text)
    at, what = source.at, source.what
    ends = (what == ord(delimiter)) | (what == _LF)
    returns = np.flatnonzero(what == _CR)
    if returns.size:
        ends[returns] = True
        returns = returns[(what[returns + 1] == _LF) & (at[returns + 1] == at[returns] + 1)]
        ends[returns + 1] = False  # this newline ends nothing more
    stop = np.flatnonzero(ends)
    end = at[stop]
    first, begin = np.zeros(len(stop), np.intp), np.zeros(len(stop), np.intp)
    np.add(stop[:-1], 1, out=first[1:])
    np.add(end[:-1], 1, out=begin[1:])
    if returns.size:
        behind = np.searchsorted(stop, returns) + 1
        behind = behind[behind < len(stop)]
        first[behind] += 1
        begin[behind] += 1
    filled = np.flatnonzero(end > begin)
    if len(filled) == len(end):
        kind, value = numbers(source, begin, first, stop)
    else:
        kind, value = np.full(len(end), BLANK, np.uint8), np.zeros(len(end))
        kind[filled], value[filled] = numbers(source, begin[filled], first[filled], stop[filled])
    if kind.max(initial=0) == OTHER:
        three = np.flatnonzero((kind == OTHER) & (end - begin == 3))
        nan = three[(window(source, end[three], 1)[:, 0] >> np.uint64(40)) & _CAPITALS == _NAN]
        kind[nan], value[nan] = NUMBER, np.nan
    return Cells(kind, value, begin, end)


def numbers(text: Text, begin: Places, first: Places, stop: Places) -> tuple[Bytes, Array]:
    """Kind and number of the cells (k,) that are not blank: where each begins, and the indices into `text.at` of the
    first place from there on that holds no digit, and of its end."""
    at, what = text.at, text.what
    # `first` walks over what is no digit: a sign, a point, an exponent; a cell is a number if it arrives at its end.
    begins, close = begin, at[stop]
    mark = what[first]
    minus = mark == _MINUS
    if signed := bool(minus.any()):
        minus &= at[first] == begin
        begins, first = begin + minus, first + minus
        mark = what[first]
    dot = mark == _DOT
    point = at[first]
    first = first + dot
    number = first == stop
    power = None
    if not number.all():
        raised = np.flatnonzero((what[first] | _SMALL) == _E)
        if raised.size:
            power, fine = _exponents(text, first[raised], stop[raised])
            close = close.copy()
            close[raised] = at[first[raised]]
            number[raised] = fine
    length, before = close - begins, point - begins
    if length.max(initial=0) > _LONGEST:
        number &= length <= _LONGEST
        length, before = length * number, before * number
    # Small numbers in one byte each are counted eight times as fast. Where there is no point, all is fraction.
    pointed = dot.view(np.uint8)
    digits, whole = length.astype(np.uint8) - pointed, before.astype(np.uint8) * pointed
    fraction = digits - whole
    number &= digits > 0
    if digits.max(initial=0) > _DIGITS:
        number &= (whole <= _WHOLE) & (fraction <= _FRACTION)
    if not number.all():
        whole, fraction = whole * number, fraction * number
    scale = (fraction * pointed).astype(np.intp)
    if power is not None:
        scale[raised] -= power
        number &= np.abs(scale) <= _LARGEST
        scale *= number
    mantissa, fits = _mantissa(text, point, close, whole, fraction)
    value, sure = _scaled(mantissa, scale)
    number &= fits & sure
    if number.all():
        kind = np.full(len(begin), NUMBER, np.uint8)
    else:
        kind = np.where(number, np.uint8(NUMBER), np.uint8(OTHER))
        value[~number] = 0
    if signed:
        value.view(np.uint64)[...] ^= minus.astype(np.uint64) << np.uint64(63)
    return kind, value


def _mantissa(
    text: Text, point: Places, close: Places, whole: Bytes, fraction: Bytes
) -> tuple[Words, Flags | np.bool_]:
    """The number that the digits before each point and those before each end make, and whether it is one of 64 bits."""
    found, beyond = _digits(text, close, fraction)
    fits: Flags | np.bool_ = _ALL
    digits = whole + fraction
    if (many := digits > _DIGITS).any():
        fits = ~many | (beyond < 1000)
    if whole.any():
        high, _ = _digits(text, point, whole)
        found += high * _TEN.take(fraction)
        fits = fits & (~many | (high == 0))
    return found, fits


def _exponents(text: Text, at: Places, stop: Places) -> tuple[Places, Flags]:
    """The powers of ten behind an E, and whether they are up to three digits and end the cell: `at` (k,) and `stop`
    are the indices into `text.at` of the E and of the end."""
    place, end = text.at[at], text.at[stop]
    behind = text.what[at + 1]
    sign = ((behind == _MINUS) | (behind == _PLUS)) & (text.at[at + 1] == place + 1)
    length = end - place - 1 - sign
    fine = (at + 1 + sign == stop) & (length >= 1) & (length <= 3)
    fine &= (text.what[at - 1] != _DOT) | (text.at[at - 1] != place - 1)  # `5.e3` is none in JSON
    power = _digits(text, end, (length * fine).astype(np.uint8))[0].astype(np.intp)
    return np.where(sign & (behind == _MINUS), -power, power), fine


def _digits(text: Text, end: Places, count: Bytes) -> tuple[Words, Words]:
    """The number that `count` (m,) <= 24 digits before each end make, modulo 2^64, and that of those before the last
    sixteen alone."""
    longest = int(count.max(initial=0))
    if longest == 1:  # the usual digit before a point
        last = np.frombuffer(text.padded, np.uint8)[end + (len(_PAD) - 1)] & 15
        return (last * count).astype(np.uint64), np.zeros(len(count), np.uint64)
    size = 1 if longest <= 8 else 2 if longest <= 16 else 3
    words = window(text, end, size)
    words &= _KEEP[size - 1].take(count, 0)
    # Two digits become one number, then two of these, then two of these: the first of each two is the lower half, and
    # what it gives reaches the upper half of the product.
    for kind, ten in _PAIRS:
        pairs = words.view(kind)
        half = 4 * kind.itemsize
        np.multiply(pairs, kind.type((ten << half) + 1), out=pairs)
        np.right_shift(pairs, kind.type(half), out=pairs)
    if size == 1:
        return words[:, 0], np.zeros(len(words), np.uint64)
    found = words[:, -2] * _EIGHT
    found += words[:, -1]
    if size == 2:
        return found, np.zeros(len(words), np.uint64)
    found += words[:, 0] * (_EIGHT * _EIGHT)
    return found, words[:, 0]


def window(text: Text, end: Places, size: int) -> Words:
    """The words (m, size <= 3) that stand before each end (m,) from 0 to the length of the text and 24 beyond."""
    start, width = len(_PAD) - 8 * size, 8 * size
    every = np.ndarray((len(text.padded) - start - width + 1,), f"V{width}", text.padded, start, (1,))
    words: Words = every[end].view(np.uint64).reshape(-1, size)
    return words


def _scaled(mantissa: Words, scale: Places) -> tuple[Array, Flags | np.bool_]:
    """mantissa / 10^scale, and whether it is certain to be the nearest double."""
    low, high = scale.min(initial=0), scale.max(initial=0)
    if low >= 0 and high < len(_DOUBLES) and mantissa.max(initial=0) <= _EXACT:
        exact = mantissa.astype(np.float64)
        if high:
            exact /= _DOUBLES[scale]
        return exact, _ALL
    wide = mantissa.astype(np.longdouble)
    if low >= 0:
        wide /= _POWER[scale]
    else:
        wide = np.where(scale >= 0, wide / _POWER[np.maximum(scale, 0)], wide * _POWER[np.maximum(-scale, 0)])
    return wide.astype(np.float64), (wide.view(np.uint64)[::2] & np.uint64(0x7FF)) != np.uint64(0x400)
