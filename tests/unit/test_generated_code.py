"""Generated code is kept in a folder that is this user's alone: what somebody else could have put there is not executed."""

from __future__ import annotations

import os
import stat

import pytest

from distsim import generated_code


@pytest.fixture(autouse=True)
def forgetful():
    """Folders are chosen anew in each test."""
    generated_code.folder.cache_clear()
    yield
    generated_code.folder.cache_clear()


def test_a_folder_of_one_s_own(tmp_path):
    """Made where it is missing, for this user alone, whatever the umask; used again where it is there."""
    before = os.umask(0)
    try:
        path = tmp_path / "new" / "distsim"
        assert generated_code.folder((path,)) == path and stat.S_IMODE(path.stat().st_mode) == 0o700
    finally:
        os.umask(before)
    path.chmod(0o755)
    generated_code.folder.cache_clear()
    assert generated_code.folder((path,)) == path


@pytest.mark.parametrize("whose", ["somebody else's", "group's", "everybody's", "a link", "a file"])
def test_a_folder_that_is_not(tmp_path, capfd, monkeypatch, whose):
    """The next one is used, at last one of this process alone; that is said in a line each."""
    first, second, elsewhere = tmp_path / "first", tmp_path / "second", tmp_path / "elsewhere"
    elsewhere.mkdir()
    for path in (first, second):
        if whose == "a link":
            path.symlink_to(elsewhere)
        elif whose == "a file":
            path.write_text("")
        else:
            path.mkdir()
            path.chmod({"group's": 0o770, "everybody's": 0o777}.get(whose, 0o755))
            if whose == "somebody else's":
                if os.geteuid() == 0:
                    os.chown(path, 12345, 12345)
                else:
                    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    monkeypatch.setattr(generated_code.tempfile, "tempdir", str(tmp_path))
    own = tmp_path / "own"
    if whose != "somebody else's" or os.getuid() == 0:
        assert generated_code.folder((first, own)) == own
    found = generated_code.folder((first, second))
    assert (
        found.parent == tmp_path and found.name.startswith("distsim-") and stat.S_IMODE(found.stat().st_mode) == 0o700
    )
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == (1 if whose == "a file" else 3)
    assert all(line.startswith("distsim: warning: ") for line in lines)
    assert not list(elsewhere.iterdir())


def test_planted_code_is_not_run(tmp_path, monkeypatch):
    """A module of the right name that somebody else has put there is not executed; the names of modules lead nowhere."""
    planted = tmp_path / "cache" / "distsim"
    planted.mkdir(parents=True)
    planted.chmod(0o777)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(generated_code.tempfile, "tempdir", str(tmp_path))
    source = "answer = 42\n"
    module = generated_code.module("../../x", source)
    assert module.answer == 42 and not list(planted.iterdir())
    (path,) = tmp_path.glob("distsim-*/distsim_model_*.py")
    assert path.read_text().endswith(source)
    # A link under the name of a module is replaced, not followed, in a folder of one's own too.
    target = tmp_path / "mine.py"
    text = path.read_text()
    target.write_text(text)
    path.unlink()
    path.symlink_to(target)
    assert generated_code.module("../../x", source).answer == 42
    assert not path.is_symlink() and target.read_text() == text
