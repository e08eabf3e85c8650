#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Golden texts of binary numbers: tests/golden/decimal_text.txt. Digits are those of Python's repr() (D. Gay's algorithm) for doubles and
of NumPy's unique shortest ones (Dragon4) for floats; the layout is %g's. Each line: f4 or f8, the bits in hexadecimal, the text."""
import random
import struct
from decimal import Decimal

import numpy as np


def layout(text):
    sign, digits, exp = Decimal(text).normalize().as_tuple()
    s, x = "".join(map(str, digits)), exp + len(digits) - 1
    if x < -4 or x >= max(6, len(s)):
        s = s[0] + ("." + s[1:] if len(s) > 1 else "") + f"e{x:+03d}"
    elif x < 0:
        s = "0." + "0" * (-x - 1) + s
    elif exp < 0:
        s = s[: x + 1] + "." + s[x + 1 :]
    else:
        s += "0" * exp
    return "-" * sign + s


random.seed(5)
rows = []
bits = [k << 52 for k in range(1, 2047, 9)] + [1 << k for k in range(0, 52, 3)] + [(k << 52) - 1 for k in range(1, 2047, 23)]
bits += [random.getrandbits(64) for _ in range(300)]
bits += [struct.unpack("<Q", struct.pack("<d", x))[0] for x in
         (1e5, 1e6, 123456.0, 1234567.0, 1e-4, 1e-5, 0.00012345, 1e21, 1e22, 1e23, 9007199254740993.0, 0.1 + 0.2, 2.0**-44, 100.5, -3.0)]
for b in bits:
    x = struct.unpack("<d", struct.pack("<Q", b))[0]
    if np.isfinite(x) and x != 0:
        rows.append(f"f8 {b:016x} {layout(repr(x))}")
bits = [k << 23 for k in range(1, 255)] + [1 << k for k in range(23)] + [(k << 23) - 1 for k in range(1, 255, 5)]
bits += [random.getrandbits(32) for _ in range(200)]
for b in bits:
    x = np.frombuffer(struct.pack("<I", b), "<f4")[0]
    if np.isfinite(x) and x != 0:
        rows.append(f"f4 {b:08x} {layout(np.format_float_scientific(x, unique=True))}")
print("\n".join(rows))
