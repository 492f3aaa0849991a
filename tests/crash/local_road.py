#!/usr/bin/env python3
"""local_road.py [--victim NAME] [--durability D] [--every K] [--first N] [--jobs N]

kill -9 on the local road: programs hand over their messages to
postpair-sendmail, which goes to the server's socket, or to the maildrop when
nobody answers there or the answer does not come.  For n = 1, 2, ... one of
postpair-sender, postpair-sendmail and postpair-drop is ended just before, and just after, its
n-th write, sync, rename, unlink, creation of a file, or word to the other end.
A message whose postpair-sendmail ended with 0 must be there once; one whose was
killed, at most once.
"""

import argparse
import collections
import concurrent.futures
import itertools
import os
import pwd
import secrets
import subprocess
import sys
import zlib

import kill_steps
import ledger as books
import harness

VICTIMS = ("postpair-sender", "postpair-sendmail", "postpair-drop")
BOB, CAROL = books.BOB, books.CAROL


class Road:
    """A pair with a local socket and a maildrop."""

    def __init__(self, pair, calls=""):
        self.pair = pair
        self.calls = calls  # of these only, as STEP_CALLS has it
        self.ledger = books.Ledger(pair)
        self.steps = books.steps()
        self.maildrop = os.path.join(pair.directory, "maildrop")
        socket = os.path.join(pair.directory, "s")
        me = pwd.getpwuid(os.geteuid()).pw_name
        pair.sender.sections.setdefault("submission", {}).update(
            {"local-socket": socket, "maildrop": self.maildrop})
        pair.sender.sections["local-users"] = {me: "alice@abc.com"}
        self.by_socket = self.command("socket.conf", socket)
        self.by_drop = self.command("drop.conf", socket + "-none")
        for server in (pair.sender, pair.receiver):
            server.keep_ports()
        pair.sender.restart()

    def command(self, name, socket):
        path = self.pair.write(name, harness.ini({"sendmail": {
            "socket": socket, "maildrop": self.maildrop,
            "domain": "abc.com"}}).encode())
        return [harness.program("postpair-sendmail"), "-C", path, "-i"]

    def files(self):
        return [n for n in os.listdir(self.maildrop)
                if not n.startswith("tmp.")]

    def settle(self):
        """Until the maildrop is empty and everything has come."""
        def done():
            self.ledger.revive()
            return not self.files()
        harness.wait_for(done, 60, "an empty maildrop")
        self.ledger.settle()

    def hand_over(self, environment=None):
        """Over both roads; a victim's status is -9."""
        status = (0,) if environment is None else (0, -9)
        for recipients, command in (([BOB], self.by_socket),
                                    ([BOB, CAROL], self.by_drop),
                                    ([CAROL, BOB], self.by_socket)):
            if environment is not None:
                self.ledger.revive()
            self.ledger.hand_over(recipients, command, environment, status)

    def drop(self, environment):
        """postpair-drop alone, as postpair-sendmail calls it."""
        name = self.ledger.new_name()
        text = books.text_of(name, 3).encode()
        head = "postpair-maildrop 1\nfrom <alice@abc.com>\nto <%s>\n" \
            "message %d %08x\n\n" % (BOB, len(text), zlib.crc32(text))
        done = subprocess.run(
            [os.path.join(os.path.dirname(self.by_drop[0]), "postpair-drop"),
             self.maildrop,
             str(len(head) + len(text)), secrets.token_hex(16)],
            input=head.encode() + text, check=False, timeout=60,
            env=environment)
        if done.returncode == 0:
            self.ledger.said[BOB].add(name)
        elif done.returncode != -9:
            self.ledger.crashes.append("postpair-drop: %d" % done.returncode)

    def armed(self, victim, n, do):
        fake = harness.Server(victim, self.pair.directory, {})
        self.steps.arm(fake, n, do, sockets="yes", calls=self.calls)
        return fake.environment

    def one(self, victim, n, do):
        """Returns (whether step n was reached, what is wrong)."""
        if victim != VICTIMS[0]:
            give = self.drop if victim == VICTIMS[2] else self.hand_over
            give(self.armed(victim, n, do))
            reached = self.steps.count()[0] >= n
        else:
            server = self.pair.sender
            self.ledger.restart(server)
            assert server.stop() == 0
            self.steps.arm(server, n, do, sockets="yes", calls=self.calls)
            try:
                server.start()
            except AssertionError:
                if server.process.returncode != -9:
                    raise
            self.hand_over()
            self.settle()
            self.ledger.restart(server)
            reached = self.steps.count()[0] >= n
            server.environment = {}
        self.settle()
        self.ledger.restart(self.pair.sender)
        self.settle()
        wrong = self.ledger.check()
        self.ledger.forget()
        for name in os.listdir(self.maildrop):
            os.unlink(os.path.join(self.maildrop, name))
        self.ledger.figures["kills"] += reached
        return reached, wrong


def run(victim, durability, do, every=1, first=1, calls="",
        say=lambda _: None):
    """All kills of one victim; returns the figures and what went wrong."""
    everything = []
    sections = kill_steps.settings(durability)
    sections["receiver"]["aliases"] = {"postmaster": CAROL}
    with harness.Pair(**sections) as pair:
        road = Road(pair, calls)
        try:
            for n in itertools.count(first, every):
                reached, wrong = road.one(victim, n, do)
                everything += ["step %d (%s): %s" % (
                    n, road.steps.count()[1], w) for w in wrong]
                for w in wrong:
                    say("step %d: %s" % (n, w))
                if not reached:
                    break
        finally:
            road.steps.close()
    say("local road, %s, %s, %s: %d kills" % (
        victim, durability, do, road.ledger.figures["kills"]))
    return road.ledger.figures, everything


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--victim", choices=VICTIMS)
    p.add_argument("--durability", choices=kill_steps.DURABILITIES)
    p.add_argument("--do", choices=("before", "after"))
    p.add_argument("--every", type=int, default=1)
    p.add_argument("--first", type=int, default=1)
    p.add_argument("--jobs", type=int, default=4, help="pairs at a time")
    options = p.parse_args()
    runs = itertools.product(
        [options.victim] if options.victim else VICTIMS,
        [options.durability] if options.durability
        else kill_steps.DURABILITIES,
        [options.do] if options.do else ("before", "after"))
    total = collections.Counter()
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        for one in [pool.submit(run, victim, durability, do, options.every,
                                options.first, "", kill_steps.say)
                    for victim, durability, do in runs]:
            total.update(one.result()[0])
    for key in ("kills", "said", "unanswered", "lost", "doubled", "broken",
                "left", "crashed"):
        print("%-12s %d" % (key, total[key]))
    return 1 if any(total[key] for key in books.WRONG) else 0


if __name__ == "__main__":
    sys.exit(main())
