#!/usr/bin/env python3
"""kill_steps.py [--server NAME] [--durability D] [--every K] [--first N] [--again]
              [--jobs N]

kill -9 at every durable step.  The servers run under a preload library that
ends one of them just before its n-th write, sync, rename, link, unlink,
truncation or creation of a file.  For n = 1, 2, ... a small workload runs; a
server that was ended is started again, and the clients go on.  Then every
promise is compared with the mailboxes (see ledger.py).  It ends with the first
n that the workload does not reach.

--again ends the server a second time, early in its recovery.
"""

import argparse
import collections
import concurrent.futures
import itertools
import sys

import ledger as books
import harness


SERVERS = ("postpair-receiver", "postpair-sender")
DURABILITIES = ("journal", "strict")


class Kills:
    """Kills of one of the servers of one pair."""

    def __init__(self, pair, name, again=False):
        self.pair = pair
        self.server = pair.sender if name == SERVERS[1] else pair.receiver
        self.ledger = books.Ledger(pair)
        self.steps = books.steps()
        self.again = again
        self.at = collections.Counter()
        for server in (pair.sender, pair.receiver):
            server.keep_ports()

    def start(self, n, do):
        """The server, armed; it may well end in its start."""
        self.pair_up()
        if self.server.stop() not in (0, -9):
            self.ledger.crashes.append("a stop failed")
        self.steps.arm(self.server, n, do)
        self.try_start()

    def pair_up(self):
        self.server.environment = {}
        self.ledger.revive()

    def try_start(self):
        try:
            self.server.start()
        except AssertionError:
            if self.server.process.returncode != -9:
                raise

    def one(self, n, do="before"):
        """Returns (whether step n was reached, what is wrong)."""
        self.start(n, do)
        if self.again and self.server.process.poll() is not None:
            self.kill_again(n, do)
        books.workload(self.ledger)
        self.ledger.restart(self.server)
        count, name = self.steps.count()
        if count < n:
            reached = False
        else:
            reached = True
            self.at[name] += 1
            self.ledger.figures["kills"] += 1
        self.ledger.settle()
        self.server.environment = {}
        self.ledger.restart(self.pair.sender)
        self.ledger.settle()
        wrong = self.ledger.check()
        self.ledger.forget()
        return reached, wrong

    def kill_again(self, n, do):
        """And once more, while it recovers."""
        self.steps.arm(self.server, n % 7 + 1, do)
        self.try_start()

    def close(self):
        self.steps.close()


def run(name, durability, every=1, first=1, do="before", again=False,
        say=lambda _: None):
    """All kills of one server; returns the figures and what went wrong."""
    everything = []
    with harness.Pair(**settings(durability)) as pair:
        kills = Kills(pair, name, again)
        try:
            n = first
            while True:
                reached, wrong = kills.one(n, do)
                everything += ["step %d (%s): %s" % (
                    n, kills.steps.count()[1], w) for w in wrong]
                for w in wrong:
                    say("step %d: %s" % (n, w))
                if not reached:
                    break
                n += every
        finally:
            kills.close()
    say("%s, %s, %s: kills %s" % (name, durability, do, dict(kills.at)))
    return kills.ledger.figures, everything


def settings(durability):
    """Fast retries, and checkpoints that happen while the workload runs."""
    quick = {"server": {"log-level": "info"}}
    return {"sender": {**quick,
                       "queue": {"retry-min": "100ms", "retry-max": "1s",
                                 "durability": durability,
                                 "checkpoint": "100ms"},
                       "relay": {"idle-timeout": "100ms"}},
            "receiver": {**quick,
                         "store": {"durability": durability,
                                   "checkpoint-interval": "100ms"}}}


def say(line):
    print(line, flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--server", choices=SERVERS)
    p.add_argument("--durability", choices=DURABILITIES)
    p.add_argument("--every", type=int, default=1)
    p.add_argument("--first", type=int, default=1)
    p.add_argument("--again", action="store_true")
    p.add_argument("--do", choices=("before", "after"), default=None)
    p.add_argument("--jobs", type=int, default=4, help="pairs at a time")
    options = p.parse_args()
    runs = itertools.product(
        [options.server] if options.server else SERVERS,
        [options.durability] if options.durability else DURABILITIES,
        [options.do] if options.do else ("before", "after"))
    total = collections.Counter()
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        for one in [pool.submit(run, name, durability, options.every,
                                options.first, do, options.again, say)
                    for name, durability, do in runs]:
            total.update(one.result()[0])
    for key in ("kills", "said", "unanswered", "deleted", "lost", "doubled",
                "undead", "broken", "left", "crashed"):
        print("%-12s %d" % (key, total[key]))
    return 1 if any(total[key] for key in books.WRONG) else 0


if __name__ == "__main__":
    sys.exit(main())
