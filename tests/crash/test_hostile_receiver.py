"""Receivers that stall, drop, refuse, babble or never end, at each point."""

import contextlib
import os
import re
import time

import pytest

import harness
import hostile
import ledger as books

TIMEOUT_S = 1


def usage(pid):
    """Seconds of processor time, peak of memory in KiB."""
    with open("/proc/%d/stat" % pid, encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        peak = int(re.search(r"^VmHWM:\s+(\d+)", f.read(), re.M)[1])
    ticks = int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK"), peak


def submit_to_all(ledger, peers):
    """One message for each peer; what is not answered 250 is tried again."""
    for address in peers:
        while not ledger.submit([address]):
            assert ledger.figures["unanswered"] < 50


def queue_is_empty(ledger):
    """After an orderly stop all that waits is in files."""
    ledger.restart(ledger.pair.sender)
    return not ledger.pair.queue()


@pytest.mark.deadline(150)
@pytest.mark.parametrize("way", hostile.WAYS)
def test_a_hostile_receiver_costs_neither_mail_nor_the_sender(way):
    with contextlib.ExitStack() as stack:
        peers = {}
        for number, point in enumerate(hostile.POINTS):
            peer = hostile.Peer(point, way)
            stack.callback(peer.close)
            peers["x@h%d.test" % number] = peer
        pair = stack.enter_context(harness.Pair(
            sender={"relay": {"connect-timeout": "2s",
                              "command-timeout": "%ds" % TIMEOUT_S,
                              "data-timeout": "2s", "final-timeout": "2s"},
                    "verify": {"timeout": "300ms"},
                    "queue": {"retry-min": "100ms", "retry-max": "500ms"}},
            routes={a.partition("@")[2]: "127.0.0.1:%d" % p.port
                    for a, p in peers.items()}))
        pair.sender.keep_ports()
        ledger = books.Ledger(pair)
        ledger.expected_death = False
        submit_to_all(ledger, peers)
        cpu, _ = usage(pair.sender.pid)
        begun = time.monotonic()
        # two more that run into the time-out, where there is CPU to measure
        tries = {p: p.connections + 2 if way == "stall" else 2
                 for p in peers.values()}
        # the good receiver is served meanwhile, and each peer tried again
        ledger.send([books.BOB, books.CAROL])
        harness.wait_for(lambda: not ledger.missing(), 20, "other mail")
        harness.wait_for(
            lambda: all(p.connections >= n or p.texts
                        for p, n in tries.items()),
            40, "a second try of each")
        after, peak = usage(pair.sender.pid)
        spent = (after - cpu) / (time.monotonic() - begun)
        assert pair.sender.process.poll() is None
        most = max(p.most for p in peers.values())
        assert most < 8 << 20, "%d bytes of one reply were read" % most
        if not harness.is_sanitized():
            assert peak < 64 * 1024, "%d KiB" % peak
            if way == "stall":  # nothing to do but to wait
                assert time.monotonic() - begun > TIMEOUT_S
                assert spent < 0.2, "%.2f of a processor" % spent
        for peer in peers.values():
            peer.mend()
        for address, peer in peers.items():
            harness.wait_for(lambda p=peer: p.texts, 30,
                             "the message for " + address)
        harness.wait_for(lambda: queue_is_empty(ledger), 30, "an empty queue")
        # a reply that was lost is the one reason to send again (RFC 5321 6.1)
        for address, peer in peers.items():
            assert len(peer.texts) == 1, address
        assert not ledger.check()
