#!/usr/bin/env python3
"""crossed_wire.py [--clients N] [--messages N] [--kill N]

Starts the pair and N mailsh batch clients at once; each submits its messages,
each of them to bob and to carol.  With --kill, one of the servers is killed
(SIGKILL) and started again so many times while they work; the clients try
again, with the same text, what was not answered with 250.  Prints figures:
"submitted again" are copies that a client sent a second time because the
connection died before the answer, "doubled" are copies that the servers made.
Exits with 1 when an accepted message was lost or one was damaged, and, without
--kill, also when one came twice.
"""

import argparse
import contextlib
import random
import re
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
import harness  # noqa: E402

BOB, CAROL = "bob@xyz.com", "carol@xyz.com"
RETRY_S = 240


def body_of(client, message):
    """Different for each message, with what servers like to damage."""
    lines = ["message %d of client %d" % (message, client), ".", "..dots",
             "x" * (70 + 13 * message % 900), ""]
    lines += ["line %d %s" % (n, "=" * (n % 60)) for n in range(10 + client % 7)]
    return "\n".join(lines) + "\n"


def script_of(client, messages):
    text = "login alice@abc.com --password secret\n"
    for message in messages:
        text += ("compose --to bob@xyz.com --to carol@xyz.com "
                 "--subject m-%d-%d --no-edit <<'END'\n%sEND\n"
                 "send\necho accepted-%d-%d\n" % (
                     client, message, body_of(client, message),
                     client, message))
    return text


class Client(threading.Thread):
    """One batch client; runs mailsh again for what was not accepted."""

    def __init__(self, pair, number, messages, patient):
        super().__init__()
        self.pair, self.number, self.patient = pair, number, patient
        self.todo = list(range(messages))
        self.accepted = []
        self.problem = ""

    def run(self):
        end = time.monotonic() + RETRY_S
        while self.todo and time.monotonic() < end:
            done = self.once()
            said = set(map(int, re.findall(
                r"^accepted-%d-(\d+)$" % self.number,
                done.stdout.decode(errors="replace"), re.M)))
            self.accepted += sorted(said)
            self.todo = [m for m in self.todo if m not in said]
            if self.todo:
                self.problem = done.stderr.decode(errors="replace")
                if not self.patient:
                    return

    def once(self):
        argv = [harness.program("mailsh"), "-n", "-H", "127.0.0.1",
                "--smtp-port", str(self.pair.submission_port),
                "--pop3-port", str(self.pair.pop3_port)]
        return subprocess.run(
            argv, input=script_of(self.number, self.todo).encode(),
            capture_output=True, timeout=RETRY_S, check=False,
            env=self.pair.environment())


def killer(pair, times, clients):
    """Kill one server after the other at random moments, start it again."""
    for n in range(times):
        server = (pair.sender, pair.receiver)[n % 2]
        # a random moment between two deliveries: how many messages may come
        # before the next blow
        goal = len(pair.maildir(BOB).files()) + random.randint(1, 40)
        harness.wait_for(
            lambda g=goal: len(pair.maildir(BOB).files()) >= g or
            not any(c.is_alive() for c in clients), RETRY_S, "deliveries")
        server.kill()
        server.start()


def wait_all_delivered(pair, accepted, seconds=180):
    """A message that is missing in the end is for count() to tell."""
    with contextlib.suppress(AssertionError):
        harness.wait_for(
            lambda: all(len(pair.maildir(user).files()) >= accepted
                        for user in (BOB, CAROL)), seconds, "all mail")


def run(clients, messages, kill):
    """Do it; returns the figures."""
    began = time.monotonic()
    with harness.Pair(
            sender={"server": {"log-level": "info"}},
            receiver={"server": {"log-level": "info"}}) as pair:
        pair.sender.keep_ports()
        pair.receiver.keep_ports()
        work = [Client(pair, n, messages, kill > 0) for n in range(clients)]
        for client in work:
            client.start()
        if kill:
            killer(pair, kill, work)
        for client in work:
            client.join()
        submitted = time.monotonic() - began
        # what is delivered from memory never had a file in the queue
        wait_all_delivered(pair, sum(len(c.accepted) for c in work))
        pair.wait_queue_empty(180)
        figures = count(pair, work)
        figures["seconds to submit"] = round(submitted, 1)
        figures["seconds to deliver all"] = round(time.monotonic() - began, 1)
        figures["kills"] = kill
        return figures


def count(pair, work):
    """Look at every message in the two mailboxes."""
    figures = {"accepted": sum(len(c.accepted) for c in work),
               "delivered": 0, "lost": 0, "submitted again": 0, "doubled": 0,
               "damaged": 0}
    for user in (BOB, CAROL):
        seen = {}
        ids = {}  # each submission has a Message-ID of its own
        for text in pair.maildir(user).messages():
            head, _, body = text.partition(b"\n\n")
            found = re.search(rb"^Subject: m-(\d+)-(\d+)$", head, re.M)
            key = (int(found[1]), int(found[2])) if found else None
            seen[key] = seen.get(key, 0) + 1
            own = re.search(rb"^Message-ID: (.*)$", head, re.M | re.I)
            ids.setdefault(key, set()).add(own and own[1])
            if key is None or body != body_of(*key).encode():
                figures["damaged"] += 1
        figures["delivered"] += sum(seen.values())
        again = sum(len(i) - 1 for i in ids.values())
        figures["submitted again"] += again
        figures["doubled"] += sum(n - 1 for n in seen.values()) - again
        figures["lost"] += sum((c.number, m) not in seen
                               for c in work for m in c.accepted)
    figures["not accepted"] = sum(len(c.todo) for c in work)
    figures["left in the queue"] = len(pair.queue())
    figures["left in tmp"] = len(pair.left_in_tmp())
    for client in work:
        if client.todo:
            print("client %d: %s" % (client.number, client.problem))
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--messages", type=int, default=20)
    parser.add_argument("--kill", type=int, default=0)
    options = parser.parse_args()
    figures = run(options.clients, options.messages, options.kill)
    for name, value in figures.items():
        print("%-24s %s" % (name, value))
    bad = figures["lost"] + figures["damaged"] + figures["not accepted"] + \
        figures["left in the queue"] + figures["left in tmp"]
    if not options.kill:
        bad += figures["doubled"] + figures["submitted again"]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
