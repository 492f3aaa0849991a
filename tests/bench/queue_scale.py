#!/usr/bin/env python3
"""make queue-scale: a long queue, how much memory and how long a start; many
destinations, and how long the scheduler's lock is held.

A stopped sender is given MESSAGES spool files for a destination that nobody
listens at; then it is started, and started again.  Said: seconds until it is
ready, resident memory then, and after every message was put off once.  The
disk must have an inode and a block for each.

Then the scheduler alone (tests/bench/destinations) is given a message for each
of 1,000, 40,000 and 50,000 destinations.  Aims at the most of them: 5 us to add
a message, no lock held over 50 us.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
import harness  # noqa: E402


def resident_mib(pid, key="VmRSS"):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return int(re.search(r"^%s:\s+(\d+) kB" % key, f.read(), re.M)[1]) / 1024


def free_inodes(path):
    st = os.statvfs(path)
    return st.f_favail, st.f_bavail * st.f_frsize // 4096


def start(sender):
    begin = time.monotonic()
    sender.start()
    took = time.monotonic() - begin
    print("%6.2f s to start, %5.0f MiB resident, %5.0f MiB at most" % (
        took, resident_mib(sender.pid), resident_mib(sender.pid, "VmHWM")),
        flush=True)


def fill(data, messages, *domains):
    os.mkdir(data, 0o700)
    subprocess.run([os.path.join(harness.top_builddir(),
                                 "tests/bench/fill_queue"),
                    data, str(messages), "xyz.com", *domains], check=True)


def destinations(directory, counts):
    """Are the aims met, at the greatest count?"""
    good = True
    for n in counts:
        data = os.path.join(directory, "data%d" % n)
        fill(data, n, str(n))
        said = subprocess.run([os.path.join(harness.top_builddir(),
                                            "tests/bench/destinations"),
                               data, "5000"], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        print("%d destinations:\n%s" % (n, said), end="", flush=True)
        add_us = float(re.search(r"([0-9.]+) us to add", said)[1])
        within_us = [int(us) for us in re.findall(r"within +(\d+) us", said)]
        good = add_us <= 5 and max(within_us) <= 50
    return good


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--messages", type=int, default=1000000,
                   help="0: the destinations only")
    p.add_argument("--destinations", default="1000,40000,50000",
                   help="how many, with commas; the last one has the most")
    options = p.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        good = destinations(directory, [
            int(n) for n in options.destinations.split(",") if n])
    if options.messages == 0:
        return 0 if good else 1
    harness.START_S = 600
    pair = harness.Pair(start=False, sender={
        "server": {"log-level": "warn"},
        "queue": {"max-messages": str(options.messages + 1),
                  "retry-min": "1h", "retry-max": "1h"}})
    try:
        if min(free_inodes(pair.directory)) < options.messages * 1.1:
            raise SystemExit("queue-scale: the disk has too few inodes or "
                             "blocks for %d files" % options.messages)
        port, held = harness.closed_port()
        pair.sender.sections["routes"]["xyz.com"] = "127.0.0.1:%d" % port
        data = os.path.join(pair.directory, "data")
        begin = time.monotonic()
        fill(data, options.messages)
        print("%d files made in %.0f s" % (options.messages,
                                           time.monotonic() - begin))
        for _ in range(2):
            start(pair.sender)
            pair.sender.stop()
        start(pair.sender)
        harness.wait_for(lambda: "Connection refused" in subprocess.run(
            [harness.program("postpair-admin"), "queue", "list", "--sender",
             "sender0@abc.com", "-c", pair.sender.config],
            capture_output=True, text=True).stdout, 120, "a first try")
        rss = resident_mib(pair.sender.pid)
        print("%6.0f MiB resident with all of them put off; %.0f bytes each" %
              (rss, rss * 1048576 / options.messages))
        held.close()
        lean = rss < 1024 * max(options.messages / 1e6, 0.05)
        return 0 if lean and good else 1
    finally:
        pair.kill()


if __name__ == "__main__":
    sys.exit(main())
