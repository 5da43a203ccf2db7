"""Which numbers stand in the cells of a table? All of a block of text at once, to the last bit those of `float`.

Eight digits are one word of eight bytes, and three multiplications make a number of it (Lemire 2018). Mantissa and
power of ten are exact in the 64 bits of a long double up to 19 digits and 10^27, so that their quotient is rounded
twice at most, to 64 bits and to 53. Both roundings together go wrong only where the first one ends in the middle
between two doubles (Clinger 1990): these cells, one in two thousand, and all that are no plain decimal number are left
to the caller.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..run import Array

Places = npt.NDArray[np.intp]
Words = npt.NDArray[np.uint64]

#: What a cell is: nothing, a number, or something that has to be read by itself.
BLANK, NUMBER, OTHER = 0, 1, 2
#: Whether long doubles have the 64 bits that the proof above needs; elsewhere the caller reads in its own way.
POSSIBLE = np.finfo(np.longdouble).nmant == 63 and sys.byteorder == "little"

_DOT, _MINUS, _PLUS, _E, _STOP, _ELSE = 1, 2, 3, 4, 5, 6
_KINDS = np.full(256, _ELSE, np.uint8)
_KINDS[np.frombuffer(b".-+eE\r\n", np.uint8)] = (_DOT, _MINUS, _PLUS, _E, _E, _STOP, _STOP)
#: Digits before the point, digits behind it, and of both together where the number does not begin with zeros.
_WHOLE, _FRACTION, _DIGITS = 16, 24, 19
_LARGEST = 27  # 10^27 is the largest power of ten that 64 bits hold: 5^27 < 2^64
_PAD = bytes(32)
_TEN = np.array([10**k if k <= _DIGITS else 0 for k in range(_LARGEST + 1)], np.uint64)
_POWER = np.longdouble(10) ** np.arange(_LARGEST + 1) if POSSIBLE else np.ones(1, np.longdouble)
_DOUBLES = 10.0 ** np.arange(23)  # the powers of ten that a double holds
_EXACT = np.uint64(1 << 53)
_NIBBLES = np.uint64(0x0F0F0F0F0F0F0F0F)
_AWAY = np.array([64 - 8 * count for count in range(9)], np.uint64)  # a shift by 64 leaves nothing, in numpy
#: Two digits become one number, then two of these, then two of these.
_PAIRS = tuple(
    (np.uint64(ten), np.uint64(shift), np.uint64(mask))
    for ten, shift, mask in ((10, 8, 0x00FF00FF00FF00FF), (100, 16, 0x0000FFFF0000FFFF), (10_000, 32, 0xFFFFFFFF))
)
_NAN = np.uint64(int.from_bytes(b"NAN", "little"))
_CAPITALS = np.uint64(0xDFDFDF)


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a text in their order, (m,) each: what they are, their numbers (0 where none), and where in the
    text they begin and end."""

    kind: npt.NDArray[np.uint8]
    value: Array
    begin: Places
    end: Places


def cells(text: bytes, delimiter: str) -> Cells:
    r"""The cells of a text of ASCII or UTF-8 that ends with a newline; `delimiter` is one ASCII character.

    Each delimiter, carriage return and newline ends a cell: behind the last one of a row stands a blank one where
    lines end with both.

    >>> found = cells(b"1,-0.25,,nan\n7e-3,.5,NA,12\n", ",")
    >>> found.kind.tolist(), found.value[[0, 1, 4, 5, 7]].tolist()
    ([1, 1, 0, 1, 1, 1, 2, 1], [1.0, -0.25, 0.007, 0.5, 12.0])
    """
    data = np.frombuffer(text + _PAD, np.uint8)
    words: Words = np.ndarray((len(text) + len(_PAD) - 7,), "<u8", data, 0, (1,))  # the eight bytes from each place on
    kinds = _KINDS.copy()
    kinds[ord(delimiter)] = _STOP
    special = np.flatnonzero((data[: len(text)] - np.uint8(48)) > 9)
    what = kinds[data[special]]
    stop = np.flatnonzero(what == _STOP)
    end = special[stop]
    first, begin = np.zeros(len(stop), np.intp), np.zeros(len(stop), np.intp)
    first[1:], begin[1:] = stop[:-1] + 1, end[:-1] + 1
    kind, value = np.full(len(end), BLANK, np.uint8), np.zeros(len(end))
    filled = np.flatnonzero(end > begin)
    if len(filled) == len(end):
        kind, value = _numbers(words, special, what, begin, first)
    elif len(filled):
        kind[filled], value[filled] = _numbers(words, special, what, begin[filled], first[filled])
    three = np.flatnonzero((kind == OTHER) & (end - begin == 3))
    nan = three[(words[begin[three]] & _CAPITALS) == _NAN]
    kind[nan], value[nan] = NUMBER, np.nan
    return Cells(kind, value, begin, end)


def _numbers(
    words: Words, special: Places, what: npt.NDArray[np.uint8], begin: Places, first: Places
) -> tuple[npt.NDArray[np.uint8], Array]:
    """Kind and number of the cells (k,) that are not blank: they begin at `begin`, and `first` is the index into
    `special`, the places of all that is no digit, of the first such place in each; `what` tells what stands there."""
    # `first` walks over what is no digit: a sign, a point, an exponent; a cell is a number if it arrives at its end.
    at, point = begin, special[first]
    minus = (what[first] == _MINUS) & (point == begin)
    if minus.any():
        at, first = begin + minus, first + minus
        point = special[first]
    dot = what[first] == _DOT
    first += dot
    tail, last = special[first], what[first]
    whole = point - at  # where there is no point, `point` is the end
    fraction = tail - point - dot
    scale, done = fraction, last == _STOP
    if (raised := np.flatnonzero(last == _E)).size:
        power, fine = _exponents(words, special, what, first[raised] + 1)
        scale = fraction.copy()
        scale[raised] -= power
        done[raised] = fine
    number = done & (whole + fraction > 0) & (whole <= _WHOLE) & (fraction <= _FRACTION)
    if raised.size:
        number &= np.abs(scale) <= _LARGEST
    if not number.all():
        whole, fraction, scale = whole * number, fraction * number, scale * number
    high, _ = _digits(words, at, whole)
    low, lead = _digits(words, at + whole + 1, fraction)
    digits = whole + fraction
    if digits.max(initial=0) > _DIGITS:
        number &= (digits <= _DIGITS) | ((high == 0) & (lead < _TEN[np.minimum(np.maximum(27 - fraction, 0), 8)]))
    value, sure = _scaled(high * _TEN[fraction] + low, scale)
    number &= sure
    if number.all():
        kind = np.full(len(begin), NUMBER, np.uint8)
    else:
        kind = np.where(number, np.uint8(NUMBER), np.uint8(OTHER))
        value[~number] = 0
    if minus.any():
        np.negative(value, out=value, where=minus)
    return kind, value


def _exponents(words: Words, special: Places, what: npt.NDArray[np.uint8], at: Places) -> tuple[Places, Array]:
    """The powers of ten behind an E, and whether they are up to three digits and end the cell; `at` (k,) the index
    into `special` of what follows the E."""
    begin = special[at - 1] + 1
    sign = ((what[at] == _MINUS) | (what[at] == _PLUS)) & (special[at] == begin)
    negative = sign & (what[at] == _MINUS)
    last = np.minimum(at + sign, len(special) - 1)
    begin = begin + sign
    length = special[last] - begin
    fine = (what[last] == _STOP) & (length >= 1) & (length <= 3)
    power = _digits(words, begin, np.where(fine, length, 0))[0].astype(np.intp)
    return np.where(negative, -power, power), fine


def _digits(words: Words, at: Places, count: Places) -> tuple[Words, Words]:
    """The number that `count` (m,) <= 24 digits from each place on make, modulo 2^64, and that of the first eight."""
    longest = int(count.max(initial=0))
    first = found = _eight(words[at], count if longest <= 8 else np.minimum(count, 8))
    for done in range(8, longest, 8):
        more = np.minimum(np.maximum(count - done, 0), 8)
        found = found * _TEN[more] + _eight(words[at + done], more)
    return found, first


def _eight(word: Words, count: Places) -> Words:
    """The number that the first `count` (m,) <= 8 of eight digits make; the first digit is the lowest byte."""
    # What stands behind the digits leaves at the top, zeros come in at the bottom, where leading digits stand.
    word <<= _AWAY[count]
    word &= _NIBBLES
    for ten, shift, mask in _PAIRS:
        behind = word >> shift
        word *= ten
        word += behind
        word &= mask
    return word


def _scaled(mantissa: Words, scale: Places) -> tuple[Array, npt.NDArray[np.bool_]]:
    """mantissa / 10^scale, and whether it is certain to be the nearest double."""
    if mantissa.max(initial=0) <= _EXACT and scale.min(initial=0) >= 0 and scale.max(initial=0) < len(_DOUBLES):
        exact: Array = mantissa.astype(np.float64) / _DOUBLES[scale]
        return exact, np.ones(len(scale), bool)
    wide = mantissa.astype(np.longdouble)
    if scale.min() >= 0:
        wide /= _POWER[scale]
    else:
        wide = np.where(scale >= 0, wide / _POWER[np.maximum(scale, 0)], wide * _POWER[np.maximum(-scale, 0)])
    return wide.astype(np.float64), (wide.view(np.uint64)[::2] & np.uint64(0x7FF)) != np.uint64(0x400)
