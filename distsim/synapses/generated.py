"""The compiled learning of a network: one module, written for the synapse models that it has."""

from __future__ import annotations

from distsim.synapses.base import Step, SynapseModel
from distsim.synapses.templates import HEAD, LEARN, RULE, STATIC_RULE

# Fields of a part, in the array `part` of the network's plastic synapses.
FIELDS = (
    "rule", "projection", "input_first", "sign", "ring_first", "n_targets", "first_delay", "n_delays", "n_rows",
    "sender_first", "ends_first", "part_first", "axonal", "target_first", "uses_posts", "voltage_first", "state_first",
)  # fmt: skip
# What every part's constants begin with.
COMMON = ("low_", "high_")
# The place of the target's spike number `count`, the last until `bound`.
LAST = "l * size + ((np.int64(count[l]) - 1) & mask)"


INLINED = '@numba.njit(forceinline=True, error_model="numpy")\n'


def source(models: list[SynapseModel], constants: list[list[str]]) -> str:
    """Return the module for these models, whose further constants are named in the order in which they come."""
    parts = [HEAD]
    for k, (model, names) in enumerate(zip(models, constants, strict=True)):
        plain = model.on_pre is None and model.on_post is None
        parts.append(STATIC_RULE.replace("{k}", str(k)) if plain else _rule(k, model, names))
    branches = "\n".join(
        f"    {'if' if k == 0 else 'elif'} rule == {k}:\n        return segment_{k}({SEGMENT})"
        for k in range(len(models))
    )
    fields = "\n".join(f"    {n} = net.part[p, {i}]" for i, n in enumerate(FIELDS))
    return "\n".join([*parts, DISPATCH.replace("{branches}", branches), LEARN.replace("{fields}", fields)])


SEGMENT = (
    "inp, target, weight, pointer, state, stride, n_posts, ring, ring_trace, kind_post, noted, count, newest, level, "
    "valid, c, rate_post, rate_pre, after, now, gain, magic, bound, begin, dendritic, closed, sign, arrives, modulation"
)

DISPATCH = f'''
@numba.njit(error_model="numpy")
def segment(rule, {SEGMENT}):
    """Take the function of the part's model."""
{{branches}}
    return 0, -1
'''


def _rule(k: int, model: SynapseModel, names: list[str]) -> str:
    """Return the functions of one model."""
    pre_names = [t.name for t in model.pre]
    # A parameter may be called as something is here: rate, n, c.
    unpack = [f"    {n} = c[{i}]" for i, n in enumerate([*COMMON, *(f"p_{n}" for n in names)])]
    results = ["new_w", *(f"new_{n}" for n in model.state)]
    state = list(model.state)

    def call(step: Step | None, which: str) -> str:
        """Return the call of a rule's function; without one the synapse stays as it is."""
        if step is None:
            return ", ".join(["w[j]", *(f"{n}_[j]" for n in state)])
        given = [
            "w[j]" if a == "w" else f"{a}_[j]" if a in state
            else f"{a}_now" if a in (*pre_names, *model.at_pre, *model.at_post) else f"p_{a}"
            for a in step.arguments
        ]  # fmt: skip
        return f"{which}_{k}({', '.join(given)})"

    functions = [
        INLINED + step.source.replace(f"def {which}(", f"def {which}_{k}(", 1) + "\n\n"
        for which, step in (("on_pre", model.on_pre), ("on_post", model.on_post)) if step is not None
    ]  # fmt: skip

    def used(step: Step | None, traces: list[str]) -> list[tuple[int, str]]:
        """Return (place, name) of the traces that a function takes."""
        return [(i, n) for i, n in enumerate(traces) if step is not None and n in step.arguments]

    before = used(model.on_post, model.at_post)
    seen = used(model.on_pre, model.at_pre)
    pre_at_post = used(model.on_post, pre_names)
    pre_at_pre = used(model.on_pre, pre_names)
    stores = "\n".join(f"        {n}_[j] = new_{n}" for n in state)
    lines = {
        "k": str(k),
        "functions": "\n".join(functions),
        "unpack": "\n".join(unpack),
        "results": ", ".join(results),
        # Infinity and NaN are the two whose difference from themselves is not zero.
        "finite": " and ".join(f"{r} - {r} == float32(0)" for r in results),
        "post_arrays": "".join(f"{n}_, " for n in [*(n for _, n in before), *state]),
        "pre_arrays": "".join(f"{n}_, " for n in [*(n for _, n in seen), *state]),
        "post_slices": "\n".join(f"    {n}_ = {n}_[:n]" for n in [*(n for _, n in before), *state]),
        "pre_slices": "\n".join(f"    {n}_ = {n}_[:n]" for n in [*(n for _, n in seen), *state]),
        "post_traces": "\n".join(
            [f"        {n}_now = x[{i}] * exp2(-float32(gap[j]) * rate[{i}])" for i, n in pre_at_post]
            + [f"        {n}_now = {n}_[j]" for _, n in before]
        ),
        "pre_traces": "\n".join(
            [f"        {n}_now = x[{i}]" for i, n in pre_at_pre]
            + [f"        {n}_now = {n}_[j]" for _, n in seen]
        ),
        "last_traces": "\n".join(
            [f"        {n}_now = x[{i}] * exp2(-float32(gap) * rate[{i}])" for i, n in pre_at_post]
            + [f"        {n}_now = {n}_[j]" for _, n in before]
        ),
        "last_stores": "\n".join(f"        {n}_[j] = new_{n} if some[j] != 0 else {n}_[j]" for n in state),
        "last_passed": "".join([*(f"f_{n}, " for _, n in before), *(f"st_{n}, " for n in state)]),
        "last_times": "",
        "post_call": call(model.on_post, "on_post"),
        "pre_call": call(model.on_pre, "on_pre"),
        "post_stores": stores,
        "pre_stores": stores,
        "allocate": "\n".join(
            [f"    y_{n} = np.empty(BLOCK, np.float32)" for _, n in seen]
            + [f"    b_{n}, f_{n} = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)" for _, n in before]
            + [f"    s_{n} = np.empty(BLOCK, state.dtype)" for n in state]
        ),
        "state_slices": "\n".join(
            f"        st_{n} = state[{i} * stride + start : {i} * stride + start + m]" for i, n in enumerate(state)
        ),
        "gather": "\n".join(
            [f"            y_{n}[i] = level[{j}, l]" for j, n in seen]
            + [f"            f_{n}[i] = ring_trace[{j}, {LAST}]" for j, n in before]
        ),
        "gather_posts": "\n".join(
            [f"                b_{n}[j] = ring_trace[{i}, place[j]]" for i, n in before]
            + [f"                s_{n}[j] = st_{n}[i]" for n in state]
        ),
        "scatter_posts": "\n".join(f"                st_{n}[i] = s_{n}[j]" for n in state),
        "post_passed": "".join([*(f"b_{n}, " for _, n in before), *(f"s_{n}, " for n in state)]),
        "pre_passed": "".join([*(f"y_{n}, " for _, n in seen), *(f"st_{n}, " for n in state)]),
        "gather_times": "",
        "begin_times": "",
        "end_times": "",
    }  # fmt: skip
    if model.modulated is not None:
        lines |= _modulated(model.modulated, state)
    text = RULE
    for name, value in lines.items():
        text = text.replace("{" + name + "}", value)
    # A pattern that stood for nothing leaves a line of nothing.
    return "\n".join(line for line in text.split("\n") if line.strip() or not line)


def _modulated(name: str, state: list[str]) -> dict[str, str]:
    """Return what a rule with a third factor does besides: between events the eligibility `name` drives the weight."""
    return {
        "last_times": f"""        for i in range(m):
            if some[i] != 0:
                s = np.int64(step[i])
                wt[i] = driven(
                    modulation, np.int64(until[i]) + dendritic, s + dendritic, wt[i], st_{name}[i], c[0], c[1]
                )
                st_{name}[i] *= decay(modulation, max(s - until[i], 0))
                until[i] = s""",
        "begin_times": "        until[:m] = max(begin, min(bound, closed))",
        "end_times": f"""        for i in range(m):
            wt[i] = driven(
                modulation, np.int64(until[i]) + dendritic, bound + dendritic, wt[i], st_{name}[i], c[0], c[1]
            )
            st_{name}[i] *= decay(modulation, max(bound - until[i], 0))""",
        "gather_times": f"""                s = np.int64(ring[place[j]])
                ws[j] = driven(
                    modulation, np.int64(until[i]) + dendritic, s + dendritic, ws[j], s_{name}[j], c[0], c[1]
                )
                s_{name}[j] *= decay(modulation, max(s - until[i], 0))
                until[i] = s""",
    }
