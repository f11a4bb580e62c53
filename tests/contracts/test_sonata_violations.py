"""What breaks SONATA is refused: every named violation, in one line with the file and the place in it."""

from __future__ import annotations

import random
import shutil
import zlib

import pytest

from distsim.errors import InputError
from distsim.io.sonata_network import import_circuit
from distsim.network.config import load_config
from tests.robustness import circuit_bases, sonata_violations

CASES = sorted({name for base in circuit_bases.BASES for name in sonata_violations.surely(base)})


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    """The circuits, whole."""
    folder = tmp_path_factory.mktemp("circuits")
    for base in circuit_bases.BASES:
        circuit_bases.make(base, folder / base)
    return folder


def read(folder):
    """Read a circuit as every command does before any work."""
    path = import_circuit(folder / "simulation_config.json", folder / "run-network")
    return load_config(path).network.resolved()


def test_whole_circuits_are_read(intact, tmp_path):
    """What the violations break is right."""
    for base in circuit_bases.BASES:
        shutil.copytree(intact / base, tmp_path / base)
        assert read(tmp_path / base).n_neurons >= 8


@pytest.mark.parametrize("name", CASES)
def test_violations_are_refused_in_one_line(intact, tmp_path, name):
    """One printable line; nothing is left beside the circuit."""
    for base in circuit_bases.BASES:
        if name not in sonata_violations.surely(base):
            continue
        folder = tmp_path / base
        shutil.copytree(intact / base, folder)
        rng = random.Random(zlib.crc32(f"{base} {name}".encode()))
        broken = sonata_violations.surely(base)[name](rng, folder)
        with pytest.raises(InputError) as caught:
            read(folder)
        line = f"distsim: {caught.value}"
        assert len(line) <= 300 and line.isprintable() and caught.value.place, f"{broken}: {line!a}"
        assert not list(folder.glob(".*.part"))
