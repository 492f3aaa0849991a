#!/usr/bin/env python3
"""make idle-tls: what an idle TLS session costs a server in memory.

Opens sessions to one server, lets them be idle and prints the resident memory
of the server a session.  IDLE_ARGS: --sessions N, --protocol smtp|pop3|tls,
--settle SECONDS.
"""
import argparse
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
import harness  # noqa: E402
from certificates import Lab  # noqa: E402

AIM_KIB = 64


def memory(pid):
    """{name: KiB} of /proc/PID/smaps_rollup, and the stacks by themselves."""
    found = {}
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
        for line in f:
            name, _, rest = line.partition(":")
            if rest.strip().endswith("kB"):
                found[name] = int(rest.split()[0])
    return found


def idle(protocol, sessions, settle):
    wide = {"max-clients": str(sessions + 10),
            "max-clients-per-address": str(sessions + 10)}
    with Lab() as lab, lab.pair(
            sender=False, receiver={"server": {"log-level": "warn"},
                                    "smtp": wide, "pop3": wide}) as pair:
        pid = pair.receiver.pid
        port = pair.receiver.ports["smtp-tls" if protocol == "tls"
                                   else protocol]
        before = memory(pid)
        start = time.monotonic()
        with subprocess.Popen(
                [os.path.join(harness.top_builddir(), "tests/bench/tls_load"),
                 "hold", protocol, str(port), str(sessions)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True) as load:
            assert load.stdout.readline() == "ready\n"
            opened = time.monotonic() - start
            busy = memory(pid)
            # what a server gives back when nobody speaks, it gives back soon
            time.sleep(settle)
            after = memory(pid)
            load.stdin.close()
            assert load.wait(120) == 0
        harness.wait_for(
            lambda: len(os.listdir("/proc/%d/task" % pid)) < 20, 60,
            "the sessions to end")
        gone = memory(pid)
    each = (after["Rss"] - before["Rss"]) / sessions
    print("%-5s %d sessions opened in %.1f s; RSS %d KiB before, %d busy,"
          " %d idle, %d when they are gone" % (
              protocol, sessions, opened, before["Rss"], busy["Rss"],
              after["Rss"], gone["Rss"]))
    print("%-5s %.1f KiB a session when idle (aim: %d)" % (
        protocol, each, AIM_KIB), flush=True)
    return each


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=5000)
    parser.add_argument("--protocol", action="append",
                        choices=["smtp", "pop3", "tls"])
    parser.add_argument("--settle", type=float, default=8)
    args = parser.parse_args()
    worst = max(idle(p, args.sessions, args.settle)
                for p in args.protocol or ["smtp", "pop3"])
    return 0 if worst <= AIM_KIB else 1


if __name__ == "__main__":
    sys.exit(main())
