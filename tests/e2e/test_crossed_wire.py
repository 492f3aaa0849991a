"""Many clients at once through both servers: nothing lost, nothing doubled,
nothing damaged, nothing left behind.  `make crossed-wire` runs it large, and
`make crossed-wire-kill` with kill -9 of either server on the way."""

import crossed_wire
import pytest


@pytest.mark.deadline(120)
def test_ten_clients_five_messages_each_to_two_recipients():
    figures = crossed_wire.run(clients=10, messages=5, kill=0)
    assert figures["accepted"] == 50
    assert figures["delivered"] == 100
    assert figures["lost"] == 0 and figures["doubled"] == 0
    assert figures["damaged"] == 0
    assert figures["left in the queue"] == 0 and figures["left in tmp"] == 0
