#!/usr/bin/env python3
"""Does the time of an answer tell whether a name exists?  make timing.

    timing.py [--tries 1000] [--seed N]

Asks servers of its own about a name that exists, one that does not, and one that
is disabled, in turns whose order is drawn, so that whatever else the machine does
falls on all alike: SCRAM (the time to the salt, and that to the refusal), PLAIN
(with a short password and a long one), and USER with PASS of POP3.  Then a rank test (Mann and Whitney) for each two of
them: with so many tries it finds a shift of a tenth of the spread.  p over 0.01
for all is no difference; as fifteen tests would show one by chance in one run of
seven, what is found must be found again in a second run of its own.  Status 1 when
it is.
"""

import argparse
import itertools
import math
import os
import random
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
import harness  # noqa: E402
import scram  # noqa: E402

LEAST_P = 0.01
KINDS = ("known", "unknown", "disabled")
PER_KIND = 8  # names, so that no one entry of a cache decides
QUIET = {"failure-delay": "0s", "failure-delay-max": "0s", "failure-window":
         "1s", "address-failures": "1000000", "user-failures": "1000000"}


def names(kind):
    return ["%s%d@abc.com" % (kind[:5].ljust(5, "x"), i)
            for i in range(PER_KIND)]


def write_users(pair):
    os.unlink(pair.users_path)
    for name in names("known") + names("disabled"):
        subprocess.run(
            [harness.program("postpair-admin"), "user", "add", name, "-f",
             pair.users_path, "--iterations=4096"], input=b"secret\n",
            check=True, stdout=subprocess.DEVNULL)
    with open(pair.users_path, encoding="utf-8") as f:
        lines = f.read().splitlines()
    # in the order of the draw: where a name stands must not matter
    random.shuffle(lines)
    with open(pair.users_path, "w", encoding="utf-8") as f:
        for line in lines:
            off = line.startswith(names("disabled")[0][:5])
            f.write(line + (" disabled=yes" if off else "") + "\n")


class Line:
    """A connection that is new after some refusals, as the server wants it."""

    def __init__(self, port, greet=()):
        self.port, self.greet, self.used, self.socket = port, greet, 0, None

    def ask(self, text):
        """The answer and the seconds it took."""
        start = time.perf_counter()
        self.socket.sendall(text.encode() + b"\r\n")
        got = b""
        while not got.endswith(b"\n"):
            more = self.socket.recv(4096)
            assert more, got
            got += more
        return got.decode(), time.perf_counter() - start

    def fresh(self):
        self.used += 1
        if self.socket is not None and self.used < 4:
            return
        if self.socket is not None:
            self.socket.close()
        self.used = 0
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert self.socket.recv(4096)
        for line in self.greet:
            self.socket.sendall(line + b"\r\n")
            assert self.socket.recv(4096)


def by_scram(line, name):
    line.fresh()
    one = scram.Scram("SCRAM-SHA-256", name, "wrong")
    answer, salted = line.ask("AUTH SCRAM-SHA-256 " + one.first())
    proof = one.final(answer.partition(" ")[2].strip())
    answer, refused = line.ask(proof)
    assert answer.startswith("535"), answer
    return {"SCRAM, the salt": salted, "SCRAM, the refusal": refused}


def by_plain(line, name, what="PLAIN", password="wrong"):
    line.fresh()
    answer, refused = line.ask("AUTH PLAIN " + scram.b64(
        ("\0%s\0%s" % (name, password)).encode()))
    assert answer.startswith("535"), answer
    return {what: refused}


def by_long_plain(line, name):
    """Each round of a hash costs more with it, and so does its preparation."""
    return by_plain(line, name, "PLAIN, 250 umlauts", "\u00e4" * 250)


def by_pass(line, name):
    line.fresh()
    answer, named = line.ask("USER " + name)
    assert answer.startswith("+OK"), answer
    answer, refused = line.ask("PASS wrong")
    assert answer.startswith("-ERR [AUTH]"), answer
    return {"POP3 USER and PASS": named + refused}


def ranks(values):
    order = sorted(range(len(values)), key=values.__getitem__)
    result = [0.0] * len(values)
    i = 0
    while i < len(order):
        k = i
        while k + 1 < len(order) and \
                values[order[k + 1]] == values[order[i]]:
            k += 1
        for m in range(i, k + 1):
            result[order[m]] = (i + k) / 2 + 1
        i = k + 1
    return result


def rank_test(a, b):
    """Mann and Whitney's U, two-sided, by the normal law."""
    n, m = len(a), len(b)
    u = sum(ranks(a + b)[:n]) - n * (n + 1) / 2
    z = (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))


def measure(pair, tries):
    lines = {by_scram: Line(pair.submission_port, (b"EHLO client.example",)),
             by_plain: Line(pair.submission_port, (b"EHLO client.example",)),
             by_long_plain: Line(pair.submission_port,
                                 (b"EHLO client.example",)),
             by_pass: Line(pair.pop3_port)}
    times = {}
    for way, line in lines.items():
        turns = [kind for kind in KINDS for _ in range(tries)]
        random.shuffle(turns)
        for kind in KINDS * 4:  # nothing is cold any more
            way(line, random.choice(names(kind)))
        for kind in turns:
            for what, seconds in way(line, random.choice(names(kind))).items():
                times.setdefault(what, {}).setdefault(kind, []).append(seconds)
        line.socket.close()
    return times


def judge(times):
    """What differs; and the figures."""
    found = set()
    for what, kinds in times.items():
        for kind in KINDS:
            print("%-20s %-9s median %8.1f us" % (
                what, kind, sorted(kinds[kind])[len(kinds[kind]) // 2] * 1e6))
        for one, two in itertools.combinations(KINDS, 2):
            p = rank_test(kinds[one], kinds[two])
            print("%-20s %s, %s: p = %.3f%s" % (
                what, one, two, p, "" if p > LEAST_P else " *"))
            if p <= LEAST_P:
                found.add((what, one, two))
    return found


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    o = parser.parse_args()
    print("seed %d, %d tries each" % (o.seed, o.tries))
    random.seed(o.seed)
    with harness.Pair(sender={"login": QUIET}, receiver={"login": QUIET},
                      start=False) as pair:
        for server in (pair.sender, pair.receiver):
            server.sections["server"]["log-level"] = "error"
        write_users(pair)
        pair.start()
        found = judge(measure(pair, o.tries))
        if found:
            print("once more, for what was found")
            found &= judge(measure(pair, o.tries))
    for what, one, two in sorted(found):
        print("%s: %s and %s differ" % (what, one, two))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
