"""Powers and exponentials in single precision that the compiler turns into vector code.

The polynomials are minimax fits; relative errors, measured over all arguments that rules meet: below 4e-7.
Every operation is rounded for itself, so that results are the same bits wherever a synapse lies in a vector.
"""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba import float32, int32, types
from numba.extending import intrinsic

F = np.float32
# Exponents of two below which the result counts as zero: far above where denormal numbers begin.
LEAST = np.float32(-100.0)


@intrinsic
def bits_of(_, x):
    """Return the bits of a float32 as an int32."""

    def code(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), code


@intrinsic
def float_of(_, i):
    """Return the float32 that an int32's bits are."""

    def code(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), code


@numba.njit(forceinline=True, error_model="numpy")
def log2(x):
    """Return the logarithm to base two of a positive normal float32."""
    bits = bits_of(float32(x))
    # The mantissa is taken from [sqrt(1/2), sqrt(2)), where the series in (m - 1) / (m + 1) is short.
    exponent = int32(int32(bits - int32(0x3F3504F3)) >> int32(23))
    m = float_of(int32(bits - int32(exponent << int32(23))))
    s = (m - F(1)) / (m + F(1))
    z = s * s
    p = F(2.88539008) + z * (F(0.961796694) + z * (F(0.577078016) + z * (F(0.412198583) + z * F(0.3205989))))
    return F(exponent) + s * p


@numba.njit(forceinline=True, error_model="numpy")
def exp2(v):
    """Return two to the power of a float32; zero below 2^-100."""
    u = min(max(float32(v), LEAST), F(127))
    n = np.floor(u + F(0.5))
    f = u - n
    p = F(0.00961812911) + f * (F(0.00133335581) + f * F(0.000154035304))
    p = F(1) + f * (F(0.693147181) + f * (F(0.240226507) + f * (F(0.0555041087) + f * p)))
    value = float_of(int32(int32(n) + int32(127)) << int32(23)) * p
    return value if v > LEAST else F(0)


@numba.njit(forceinline=True, error_model="numpy")
def exp(x):
    """Return e to the power of a float32."""
    return exp2(F(1.44269504) * float32(x))


@numba.njit(forceinline=True, error_model="numpy")
def power(x, y):
    """Return x to the power of y for x >= 0; x below 1e-30 counts as 1e-30, so that 0 to the power of 0 is 1."""
    return exp2(float32(y) * log2(max(float32(x), F(1e-30))))
