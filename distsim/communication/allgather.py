"""MPI_Allgather from compiled code, by the address of the site's own MPI library.

numba-mpi does the same with addresses built into the compiled code, which numba then cannot keep on
disk: every start would compile again. Here the address and the handles are arguments.
"""

from __future__ import annotations

import ctypes
from typing import NamedTuple

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic


class Collective(NamedTuple):
    """What compiled code needs to call MPI_Allgather; address 0 where there is one rank only."""

    n_ranks: int
    rank: int
    address: int
    datatype: int
    communicator: int


SERIAL = Collective(1, 0, 0, 0, 0)


def collective(comm) -> Collective:
    """Return the collective of an mpi4py communicator, for arrays of uint32."""
    from mpi4py import MPI

    library = ctypes.CDLL(MPI.__file__)
    address = ctypes.cast(library.MPI_Allgather, ctypes.c_void_p).value or 0
    return Collective(comm.size, comm.rank, address, _handle(MPI.UINT32_T), _handle(comm))


def _handle(thing) -> int:
    """Return MPI's handle as an integer: 4 bytes in MPICH's ABI, a pointer in Open MPI's."""
    from mpi4py import MPI

    size = MPI._sizeof(type(thing))
    return int.from_bytes(ctypes.string_at(MPI._addressof(thing), size), "little")


@intrinsic
def _call(typingctx, address, send, n, datatype, receive, communicator):
    signature = types.int64(types.int64, types.uintp, types.int64, types.int64, types.uintp, types.int64)

    def codegen(context, builder, sig, args):
        i64, i32 = ir.IntType(64), ir.IntType(32)
        # Handles of 4 bytes travel in the low half of an 8-byte argument.
        function_type = ir.FunctionType(i32, [i64, i32, i64, i64, i32, i64, i64])
        function = builder.inttoptr(args[0], function_type.as_pointer())
        count = builder.trunc(args[2], i32)
        status = builder.call(function, [args[1], count, args[3], args[4], count, args[3], args[5]])
        return builder.sext(status, i64)

    return signature, codegen


@numba.njit(forceinline=True)
def allgather(collective, send, receive, n):
    """Gather n uint32 words of `send` from every rank into `receive`; return MPI's error code. Collective."""
    return _call(
        collective.address,
        types.uintp(send.ctypes.data),
        n,
        collective.datatype,
        types.uintp(receive.ctypes.data),
        collective.communicator,
    )
