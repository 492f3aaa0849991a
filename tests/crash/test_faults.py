"""A disk that says no, memory and descriptors that run out; `make faults`
does every step."""

import contextlib
import errno
import itertools
import os
import resource
import socket
import time

import pytest

import faults
import harness
import kill_steps
import ledger as books
from test_hostile_receiver import usage


@pytest.mark.deadline(150)
@pytest.mark.parametrize("durability", kill_steps.DURABILITIES)
@pytest.mark.parametrize("server", kill_steps.SERVERS)
def test_a_failing_disk_costs_no_mail(server, durability):
    figures, wrong = faults.run_disk(server, durability, every=37, first=2)
    assert figures["faults"] >= 2
    assert not any(figures[key] for key in books.WRONG), wrong


@pytest.mark.deadline(150)
@pytest.mark.parametrize("times", [2, 3])
def test_one_message_through_any_failures_in_a_row(times):
    """A copy that cannot be taken back goes at the next start; what was stored
    and could not leave tmp/ stays."""
    with harness.Pair(**kill_steps.settings("strict")) as pair:
        one = faults.Faults(pair, "postpair-receiver")

        def workload(ledger):
            ledger.send([books.BOB, books.CAROL])
            ledger.settle()

        with contextlib.closing(one):
            for n in itertools.count(1):
                wrong = one.fault(lambda n=n: one.steps.arm(
                    one.server, n, errno.EIO, **{"for": times}), workload)
                count, name = one.steps.count()
                assert not wrong, "from step %d (%s): %s" % (n, name, wrong)
                if count < n:
                    break
        assert one.ledger.figures["faults"] > 10


@pytest.mark.deadline(150)
@pytest.mark.parametrize("server", kill_steps.SERVERS)
def test_no_memory_costs_no_mail(server):
    if harness.is_sanitized():
        pytest.skip("the sanitizer's own allocator is in use")
    figures, wrong = faults.run_memory(server, "journal", 5)
    assert not any(figures[key] for key in books.WRONG), wrong


def service(pair, server):
    return pair.submission_port if server == "postpair-sender" \
        else pair.smtp_port


@pytest.mark.parametrize("server", kill_steps.SERVERS)
def test_no_descriptors_left_is_said_and_passes(server):
    with harness.Pair() as pair:
        ledger = books.Ledger(pair)
        ledger.expected_death = False
        ledger.send([books.BOB])
        ledger.settle()
        process = (pair.sender if server == "postpair-sender"
                   else pair.receiver).process
        # room for a handful of clients beside what the server itself holds
        limit = max(map(int, os.listdir("/proc/%d/fd" % process.pid))) + 10
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        with contextlib.ExitStack() as stack:
            port = service(pair, server)
            clients = [stack.enter_context(socket.create_connection(
                ("127.0.0.1", port), 20)) for _ in range(60)]
            greetings = [c.recv(100)[:3] for c in clients]
            assert greetings.count(b"220") >= 5
            assert greetings.count(b"220") + greetings.count(b"421") == 60
            before, start = usage(process.pid)[0], time.monotonic()
            # a full house is no reason to run in circles
            harness.wait_for(lambda: time.monotonic() - start > 0.5)
            spent = usage(process.pid)[0] - before
            assert spent < 0.25, "%.2f s of processor time" % spent
        ledger.send([books.BOB, books.CAROL])
        ledger.send([books.BOB, books.CAROL], direct=True)
        ledger.settle()
        wrong = ledger.check()
        assert not any(ledger.figures[key] for key in books.WRONG), wrong
