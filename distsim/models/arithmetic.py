"""What a scalar step computes with: a product and a sum rounded once, and an exponential that turns into vector code.

The exponential is a polynomial in single and in double precision. Largest relative error, measured over the
range: 2e-7 in single, 4e-16 in double precision. Arguments beyond the range of normal numbers count as its ends.
`math.exp` would be called neuron by neuron.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload


@intrinsic
def _fused(_, a, b, c):
    """Return a b + c, rounded once: one instruction, the same in a vector and alone."""
    return a(a, a, a), lambda context, builder, signature, arguments: builder.fma(*arguments)


def fused(a, b, c):
    """Return a b + c, of floats of one type rounded once.

    The compiler is not left to choose which products and sums it fuses: it might choose otherwise for the
    neurons at the end of a loop, whose number depends on the number of ranks.
    """
    return a * b + c


@overload(fused, inline="always")
def _fused_or_not(a, b, c):
    if isinstance(a, types.Float) and a == b == c:
        return lambda a, b, c: _fused(a, b, c)
    return lambda a, b, c: a * b + c


@intrinsic
def _power_of_two(_, n, like):
    """Return 2**n for a whole float n, in the type of the second argument."""
    single = like == types.float32
    bits, bias, mantissa = (32, 127, 23) if single else (64, 1023, 52)

    def code(context, builder, signature, arguments):
        whole, number = ir.IntType(bits), ir.FloatType() if single else ir.DoubleType()
        # Through 32 bits: every machine converts those in vectors.
        exponent = builder.fptosi(arguments[0], ir.IntType(32))
        exponent = exponent if single else builder.sext(exponent, whole)
        return builder.bitcast(builder.shl(builder.add(exponent, whole(bias)), whole(mantissa)), number)

    return like(like, like), code


def exp(x):
    """Return e to the power of x."""
    return math.exp(x)


@overload(exp, inline="always")
def _exp(x):
    if x == types.float32:
        F = np.float32
        log2e, high, low = F(1.44269504), F(0.693359375), F(-2.12194440e-4)
        least, most, half = F(-87.0), F(88.0), F(0.5)
        c = [F(1 / math.factorial(k)) for k in range(8)]
        c0, c1, c2, c3, c4, c5, c6, c7 = c

        def single(x):
            v = min(max(x, least), most)
            n = np.floor(_fused(v, log2e, half))
            r = _fused(-n, low, _fused(-n, high, v))
            p = _fused(r, _fused(r, _fused(r, c7, c6), c5), c4)
            p = _fused(r, _fused(r, _fused(r, p, c3), c2), c1)
            return _fused(r, p, c0) * _power_of_two(n, n)

        return single
    log2e, high, low = 1.4426950408889634, 6.93145751953125e-1, 1.42860682030941723212e-6
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13 = (1 / math.factorial(k) for k in range(14))

    def double(x):
        v = min(max(x, -708.0), 709.0)
        n = np.floor(_fused(v, log2e, 0.5))
        r = _fused(-n, low, _fused(-n, high, v))
        p = _fused(r, _fused(r, _fused(r, _fused(r, c13, c12), c11), c10), c9)
        p = _fused(r, _fused(r, _fused(r, _fused(r, _fused(r, p, c8), c7), c6), c5), c4)
        p = _fused(r, _fused(r, _fused(r, p, c3), c2), c1)
        return _fused(r, p, c0) * _power_of_two(n, n)

    return double
