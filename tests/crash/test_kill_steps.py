"""kill -9 at every few of the durable steps; `make crash` does all of them."""

import pytest

import kill_steps
import ledger


JOURNAL = {"receiver": {"store": {"durability": "journal"}}}


@pytest.mark.deadline(120)
@pytest.mark.parametrize("server, sections", [
    (kill_steps.SERVERS[0], {}), (kill_steps.SERVERS[0], JOURNAL),
    (kill_steps.SERVERS[1], {})])
def test_nothing_accepted_is_lost_when_killed_at_a_durable_step(
        server, sections):
    # the journal's first segment alone is over a hundred writes
    figures, wrong = kill_steps.run(server, every=23 if sections else 11,
                                    first=3, **sections)
    assert figures["kills"] >= 3
    assert not any(figures[key] for key in ledger.WRONG), wrong
