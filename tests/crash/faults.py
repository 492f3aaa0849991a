#!/usr/bin/env python3
"""faults.py [--every K] [--memory N] [--seconds S]

A disk that says no, and memory that runs out.  A preload library lets the n-th
write, sync, rename, link, unlink, truncation or creation of a file fail (or
three in a row), or the n-th allocation.  The clients try again what was not
answered; no server may end, and every promise must be kept (see ledger.py).
A server may refuse to start while the fault is in its start, with status 1.

It ends within S seconds or a little more: a slow machine skips steps, and says
how many there were.
"""

import argparse
import collections
import errno
import itertools
import os
import random
import sys
import time

import ledger as books
import harness
import kill_steps

FAULTS = (errno.ENOSPC, errno.EIO)


class Memory(books.Steps):
    """The same for allocations."""

    def arm(self, server, at, times=1):
        with open(self.file.name, "wb") as f:
            f.write(bytes(64))
        server.environment = {
            "LD_PRELOAD": self.library, "NOMEM_PROGRAM": server.name,
            "NOMEM_AT": str(at), "NOMEM_FOR": str(times),
            "NOMEM_COUNT": self.file.name}


def memory():
    return Memory(books.build_library("nomem.c", os.path.join(
        harness.top_builddir(), "tests", "crash", "nomem.so")))


class Faults(kill_steps.Kills):
    """Faults in one of the servers of one pair."""

    def __init__(self, pair, name):
        super().__init__(pair, name)
        self.ledger.expected_death = False

    def fault(self, arm, workload=books.workload):
        """arm() prepares the next start.  What is wrong afterwards."""
        self.pair_up()
        self.ledger.restart(self.server)
        self.server.stop()
        arm()
        try:
            self.server.start()
        except AssertionError:
            if self.server.process.returncode != 1:
                raise
            self.server.process = None
            self.ledger.figures["start refused"] += 1
        patience = self.ledger.patience
        self.ledger.patience = 5  # out of memory may mean: after a restart
        workload(self.ledger)
        self.ledger.patience = patience
        self.ledger.figures["faults"] += 1
        self.server.environment = {}
        self.ledger.restart(self.server)
        self.ledger.settle()
        self.ledger.restart(self.pair.sender)
        self.ledger.settle()
        wrong = self.ledger.check()
        self.ledger.forget()
        return wrong


def run_disk(name, durability, every=1, first=1, say=lambda _: None,
             seconds=None):
    """A fault at every step; returns the figures and what went wrong.  With a
    time, larger strides as it runs out."""
    end = seconds and time.monotonic() + seconds
    begin, skipped = time.monotonic(), 0
    everything, n = [], first
    with harness.Pair(**kill_steps.settings(durability)) as pair:
        faults = Faults(pair, name)
        try:
            while True:
                error = FAULTS[n // every % len(FAULTS)]
                times = (1, 3)[n // every // 2 % 2]
                wrong = faults.fault(lambda: faults.steps.arm(
                    faults.server, n, error, **{"for": times}))
                what = "%s, %d times from step %d (%s)" % (
                    errno.errorcode[error], times, n,
                    faults.steps.count()[1])
                everything += ["%s: %s" % (what, w) for w in wrong]
                for w in wrong:
                    say("%s: %s" % (what, w))
                total = faults.steps.count()[0]
                if total < n:
                    break
                n += every
                if end:  # what is left of the steps in what is left of time
                    each = (time.monotonic() - begin) / \
                        faults.ledger.figures["faults"]
                    afford = max((end - time.monotonic()) / each, 1)
                    more = int(max(total - n, 0) / every / afford) * every
                    skipped += more
                    n += more
        finally:
            faults.close()
    if skipped:
        say("%s, %s: %d steps left out for want of time" % (
            name, durability, skipped))
    say("%s, %s: disk: %s" % (name, durability, dict(faults.ledger.figures)))
    return faults.ledger.figures, everything


def run_memory(name, durability, number, say=lambda _: None, seed=None):
    """`number` allocations that fail, over the whole workload."""
    everything = []
    picks = random.Random(seed)
    with harness.Pair(**kill_steps.settings(durability)) as pair:
        faults = Faults(pair, name)
        none_left = memory()
        try:
            faults.fault(lambda: none_left.arm(faults.server, 0))
            total = none_left.count()[0]
            for _ in range(number):
                n = picks.randrange(1, total + 1)
                wrong = faults.fault(lambda: none_left.arm(faults.server, n))
                for w in wrong:
                    everything.append("allocation %d of %d: %s" % (
                        n, total, w))
                    say(everything[-1])
        finally:
            none_left.close()
            faults.close()
    say("%s, %s: memory: %s" % (name, durability, dict(faults.ledger.figures)))
    return faults.ledger.figures, everything


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--every", type=int, default=1)
    p.add_argument("--memory", type=int, default=60)
    p.add_argument("--seed", type=int, default=None)
    p.add_argument("--seconds", type=int, default=540)
    options = p.parse_args()
    total = collections.Counter()
    end = time.monotonic() + options.seconds
    rounds = 4

    def say(line):
        print(line, flush=True)

    for name, durability in itertools.product(
            kill_steps.SERVERS, kill_steps.DURABILITIES):
        left = max(end - time.monotonic(), 0) / rounds
        rounds -= 1
        total.update(run_disk(name, durability, options.every, say=say,
                              seconds=left * 0.8)[0])
        if not harness.is_sanitized():
            total.update(run_memory(name, durability, options.memory, say,
                                    options.seed)[0])
    for key in ("faults", "start refused", "said", "unanswered", "deleted",
                "lost", "doubled", "undead", "broken", "left", "crashed"):
        print("%-14s %d" % (key, total[key]))
    return 1 if any(total[key] for key in books.WRONG) else 0


if __name__ == "__main__":
    sys.exit(main())
