"""Warnings: one line each, once, gathered by the simulation in which they come up."""

from __future__ import annotations

from distsim.notices import Notices, gathered, merged, warn


def test_once_and_counted(capsys):
    """A warning that comes up again is counted, not printed again."""
    notices = Notices(show=True)
    with notices.gathering():
        warn("a.b", "something\nis other than it seems")
        warn("a.b", "something\nis other than it seems")
        warn("c", "another")
    assert capsys.readouterr().err.splitlines() == [
        "distsim: warning: a.b: something is other than it seems",
        "distsim: warning: c: another",
    ]
    assert [(e["place"], e["count"]) for e in notices.entries()] == [("a.b", 2), ("c", 1)]


def test_other_ranks_are_silent_unless_they_alone_know(capsys):
    """Rank 0 speaks for all; what one rank alone knows it says itself."""
    notices = Notices(show=False)
    with notices.gathering():
        warn("a", "all know")
        warn("b", "this rank knows", here=True)
    assert capsys.readouterr().err == "distsim: warning: b: this rank knows\n"
    assert merged([[], notices.entries(), notices.entries()]) == notices.entries()


def test_methods_gather(capsys):
    """An object's notices take what its gathered methods warn of; outside of them a warning is a line alone."""

    class Thing:
        notices = Notices(show=False)

        @gathered
        def act(self, value: int) -> int:
            warn("thing", "acts")
            return value

    thing = Thing()
    assert thing.act(3) == 3 and len(thing.notices.entries()) == 1
    warn("", "outside")
    assert capsys.readouterr().err == "distsim: warning: outside\n" and len(thing.notices.entries()) == 1
