#!/usr/bin/env python3
"""make queue-scale: a long queue, how much memory and how long a start.

A stopped sender is given MESSAGES spool files for a destination that nobody
listens at; then it is started, and started again.  Said: seconds until it is
ready, resident memory then, and after every message was put off once.  The
disk must have an inode and a block for each.
"""
import argparse
import os
import re
import subprocess
import sys
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


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--messages", type=int, default=1000000)
    options = p.parse_args()
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
        os.mkdir(data, 0o700)
        begin = time.monotonic()
        subprocess.run([os.path.join(harness.top_builddir(),
                                     "tests/bench/fill_queue"),
                        data, str(options.messages), "xyz.com"], check=True)
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
        return 0 if rss < 1024 * max(options.messages / 1e6, 0.05) else 1
    finally:
        pair.kill()


if __name__ == "__main__":
    sys.exit(main())
