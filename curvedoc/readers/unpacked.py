"""How is an event file read that gzip has packed? Unpacked into a temporary file, within bounds."""

from __future__ import annotations

from io import FileIO
from pathlib import Path

from ..errors import UnreadableLog

MAGIC = b"\x1f\x8b\x08"
MAX_UNPACKED = 1 << 30  # bytes; a thousandth of them may be what a bomb has packed
_BLOCK = 1 << 12  # bytes read at once: what the damaged block holds is lost
_PIECE = 1 << 20  # bytes unpacked at once


def unpack(path: Path, shown: str, into: FileIO) -> str:
    """Write what a gzip file holds to `into`; what is wrong with its end, "" when nothing is.

    Of a file that is cut or damaged everything before the damage is unpacked. Raises UnreadableLog for more than
    MAX_UNPACKED bytes.
    """
    import zlib

    gzip = 16 + zlib.MAX_WBITS
    member, size, whole = zlib.decompressobj(gzip), 0, True
    with path.open("rb", buffering=0) as packed:
        while block := packed.read(_BLOCK):
            while block := block.lstrip(b"\0") if whole else block:  # between members zeros are allowed
                whole = False
                try:
                    piece = member.decompress(block, _PIECE)
                except zlib.error as error:
                    return f"the compressed file is damaged ({error}): what stands before is read"
                size += len(piece)
                if size > MAX_UNPACKED:
                    why = f"it unpacks to more than {MAX_UNPACKED >> 20} MiB: gunzip it, and read that"
                    raise UnreadableLog(shown, why)
                _write(into, piece)
                block = member.unconsumed_tail
                if member.eof:
                    block, member, whole = member.unused_data, zlib.decompressobj(gzip), True
    _write(into, member.flush())
    return "" if whole else "the compressed file is cut: what is left of it is read"


def _write(into: FileIO, piece: bytes) -> None:
    """Write all of it: a file without a buffer may take a part."""
    done = 0
    while done < len(piece):
        done += into.write(piece[done:])
