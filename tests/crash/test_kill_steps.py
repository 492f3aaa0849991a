"""kill -9 at every few of the durable steps; `make crash` does all of them."""

import pytest

import kill_steps
import ledger


@pytest.mark.deadline(120)
@pytest.mark.parametrize("durability", kill_steps.DURABILITIES)
@pytest.mark.parametrize("server", kill_steps.SERVERS)
def test_nothing_accepted_is_lost_when_killed_at_a_durable_step(
        server, durability):
    figures, wrong = kill_steps.run(server, durability, every=23, first=3)
    assert figures["kills"] >= 2
    assert not any(figures[key] for key in ledger.WRONG), wrong
