"""kill -9 of postpair-sendmail and of the sender at some of their steps, on the
road over the local socket and the maildrop; `make crash` does all."""

import pytest

import kill_steps
import ledger
import local_road


@pytest.mark.deadline(180)
@pytest.mark.parametrize("durability", kill_steps.DURABILITIES)
@pytest.mark.parametrize("victim, every, calls", [
    ("postpair-sender", 1, "unlink"),  # the message is taken, its file there
    ("postpair-sender", 41, ""),
    ("postpair-sendmail", 4, ""),
    ("postpair-drop", 2, "")])
@pytest.mark.parametrize("do", ["before", "after"])
def test_what_is_handed_over_comes_once(victim, every, calls, do, durability):
    figures, wrong = local_road.run(victim, durability, do, every, 3, calls)
    assert figures["kills"] >= 2
    assert not any(figures[key] for key in ledger.WRONG), wrong
