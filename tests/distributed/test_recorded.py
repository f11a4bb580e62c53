"""`spikes` and `states` of a simulation: all ranks', the same on each, wherever they lie at the moment."""

from __future__ import annotations

from pathlib import Path

SCRIPT = Path(__file__).with_name("recorded.py")


def test_the_same_everywhere(ranks, tmp_path):
    """In memory, in logs of several sessions, in files; on 1 and 3 ranks, resumed on the other number."""
    lines = []
    for n, others in ((1, 3), (3, 1)):
        folder = tmp_path / str(n)
        folder.mkdir()
        for m, what in ((n, "main"), (others, "resume")):
            done = ranks(m, SCRIPT, what, folder)
            assert done.returncode == 0, done.stderr
            assert len(done.stdout.split()) == 2 * m * (6 if what == "main" else 3)
            lines += done.stdout.splitlines()
    assert sorted({line.split()[0] for line in lines}) == ["100", "150"] and len(set(lines)) == 2, set(lines)
