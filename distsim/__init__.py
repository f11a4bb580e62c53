"""distsim: spiking networks on any number of ranks, with the same bits on each number of them."""

from pathlib import Path as _Path

# In a checkout, io/, partitioners/ and configs/ lie beside this folder; an installed package has
# them inside. Importing from the checkout without this line would miss them.
_root = _Path(__file__).resolve().parent.parent
if (_root / "pyproject.toml").is_file() and (_root / "partitioners" / "__init__.py").is_file():
    __path__.append(str(_root))

__version__ = "0.1.0"
