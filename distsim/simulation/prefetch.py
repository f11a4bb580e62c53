"""Prefetch: ask for a cache line before it is needed, through LLVM's own instruction."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def prefetch(typingctx, address):
    """Fetch the cache line at `address` (uintp) for reading into the second-level cache."""
    signature = types.void(types.uintp)

    def codegen(context, builder, sig, args):
        pointer_type = ir.IntType(8).as_pointer()
        i32 = ir.IntType(32)
        # The name without type suffixes of typed pointers: LLVM's pointers are opaque.
        function = builder.module.globals.get("llvm.prefetch.p0")
        if function is None:
            function_type = ir.FunctionType(ir.VoidType(), [pointer_type, i32, i32, i32])
            function = ir.Function(builder.module, function_type, "llvm.prefetch.p0")
        read, locality, data = ir.Constant(i32, 0), ir.Constant(i32, 2), ir.Constant(i32, 1)
        builder.call(function, [builder.inttoptr(args[0], pointer_type), read, locality, data])
        return context.get_dummy_value()

    return signature, codegen
