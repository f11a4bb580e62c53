"""distsim: spiking networks on any number of ranks, with the same bits on each number of them.

Importing starts no MPI, configures no logging and compiles nothing; the public names below are
imported when they are first used.
"""

import os as _os
from importlib import import_module as _import_module
from pathlib import Path as _Path

# In a checkout, io/, partitioners/ and configs/ lie beside this folder; an installed package has
# them inside. Importing from the checkout without this would miss them.
_root = _Path(__file__).resolve().parent.parent
if (_root / "pyproject.toml").is_file() and (_root / "partitioners" / "__init__.py").is_file():
    __path__.append(str(_root))
    # Whoever edits a compiled function that another file's function calls would go on running the old machine code:
    # numba looks at the file of the calling function alone. So a checkout's compiled code is kept by its sources.
    if "NUMBA_CACHE_DIR" not in _os.environ:
        from distsim import _checkout

        _os.environ["NUMBA_CACHE_DIR"] = str(_checkout.cache_folder(_root))

__version__ = "0.1.0"

_HOME = {
    "Network": "distsim.network", "Selection": "distsim.network",
    "all_to_all": "distsim.network", "edges": "distsim.network", "fixed_indegree": "distsim.network",
    "fixed_outdegree": "distsim.network", "fixed_total_number": "distsim.network", "one_to_one": "distsim.network",
    "pairwise_bernoulli": "distsim.network", "exponential": "distsim.network", "lognormal": "distsim.network",
    "normal": "distsim.network", "uniform": "distsim.network", "load_config": "distsim.network.config",
    "Simulation": "distsim.simulation", "InputError": "distsim.errors", "communicator": "distsim.communication",
    "neuron_model": "distsim.models.scalar", "equations": "distsim.odes.model",
    "synapse_model": "distsim.synapses.base",
    "Stopped": "distsim.errors", "open_run": "distsim.io", "read_spikes": "distsim.io",
}  # fmt: skip
__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'distsim' has no attribute '{name}'")
    return getattr(_import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
