"""A clock that compiled code can read: seconds per phase without leaving the loop."""

from __future__ import annotations

import ctypes

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

CLOCK_MONOTONIC = 1


def clock_address() -> int:
    """Return the address of libc's clock_gettime, to be passed to compiled code at run time.

    An address passed as an argument, not baked in, keeps the compiled code cacheable on disk.
    """
    return ctypes.cast(ctypes.CDLL(None).clock_gettime, ctypes.c_void_p).value or 0


@intrinsic
def _call_clock(typingctx, address, buffer):
    signature = types.int64(types.int64, types.uintp)

    def codegen(context, builder, sig, args):
        function_type = ir.FunctionType(ir.IntType(32), [ir.IntType(32), ir.IntType(64)])
        function = builder.inttoptr(args[0], function_type.as_pointer())
        status = builder.call(function, [ir.Constant(ir.IntType(32), CLOCK_MONOTONIC), args[1]])
        return builder.sext(status, ir.IntType(64))

    return signature, codegen


@numba.njit(forceinline=True)
def seconds(clock, timespec):
    """Return monotonic seconds (float64); `timespec` is an int64 [2] scratch array."""
    _call_clock(clock, types.uintp(timespec.ctypes.data))
    return np.float64(timespec[0]) + 1e-9 * np.float64(timespec[1])
