"""Puts HDR10+ metadata before the first picture of raw HEVC: `hdr10plus.py IN.hevc OUT.hevc`."""

from __future__ import annotations

import sys

_START = b"\0\0\1"

# NAL units below are pictures.
_FIRST_THAT_IS_NO_PICTURE = 32

# SMPTE ST 2094-40, application 4: widths and values of its fields, with one window.
_FIELDS = (
    (8, 0xB5), (16, 0x3C), (16, 1), (8, 4), (8, 1), (2, 1), (27, 400), (1, 0), (17, 1000),
    (17, 1000), (17, 1000), (17, 500), (4, 1), (7, 99), (17, 900), (10, 0), (1, 0), (1, 0), (1, 0),
)  # fmt: skip


def main() -> None:
    """Reads one file, writes the other."""
    with open(sys.argv[1], "rb") as file:
        stream = file.read()
    at = stream.index(_START)
    while stream[at + 3] >> 1 & 63 >= _FIRST_THAT_IS_NO_PICTURE:
        at = stream.index(_START, at + 3)
    with open(sys.argv[2], "wb") as file:
        file.write(stream[:at] + _START + _message() + stream[at:])


def _message() -> bytes:
    """A NAL unit: supplemental information, registered by ITU-T T.35."""
    bits = "".join(format(value, f"0{width}b") for width, value in _FIELDS)
    bits += "0" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big")
    unit = b"\x4e\x01" + bytes([4, len(data)]) + data + b"\x80"
    escaped, zeros = bytearray(), 0
    for byte in unit:
        if zeros >= 2 and byte <= 3:
            escaped.append(3)
            zeros = 0
        escaped.append(byte)
        zeros = 0 if byte else zeros + 1
    return bytes(escaped)


if __name__ == "__main__":
    main()
