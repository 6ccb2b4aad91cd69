"""Ed25519 signatures checked by RFC 8032, section 5.1: slow, simple, and nobody else's code."""

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def is_true(public, message, signature):
    """Whether `signature` (64 bytes) is of `message` by the key `public` (32 bytes)."""
    key, r, s = _point(public), _point(signature[:32]), int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or key is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    # s B = R + h A, as s B + h (-A) = R.
    minus = (-key[0] % P, key[1], key[2], -key[3] % P)
    return _same(_both(s, BASE, h, minus), r)


def _both(a, p, b, q):
    """a p + b q, bit by bit over both at once."""
    table = (None, p, q, _add(p, q))
    result = ZERO
    for bit in range(max(a.bit_length(), b.bit_length()) - 1, -1, -1):
        result = _double(result)
        which = (a >> bit & 1) | (b >> bit & 1) << 1
        if which:
            result = _add(result, table[which])
    return result


# Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, x y = T/Z; section 5.1.4.


def _add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _double(p):
    a, b, c = p[0] * p[0] % P, p[1] * p[1] % P, 2 * p[2] * p[2] % P
    h = a + b
    e = h - (p[0] + p[1]) * (p[0] + p[1]) % P
    g = a - b
    f = c + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def _same(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def _point(text):
    """A point from its 32 bytes, or `None` where there is none; section 5.1.3."""
    if len(text) != 32:
        return None
    y = int.from_bytes(text, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


ZERO = (0, 1, 1, 0)
BASE = _point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
