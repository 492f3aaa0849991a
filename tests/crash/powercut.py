#!/usr/bin/env python3
"""Power cuts: what a 250 is worth when the machine stops in the middle.

The servers' data lies on a file system image.  While clients submit, the image
is cloned in one instant (a reflink copy on an XFS image that surrounds it): what
the clone holds is what a disk would hold if the power went at that moment.
The servers are killed, the clone takes the image's place, its journal is
replayed by mount, the servers start on it.  Then every message that was
answered 250 before the cut must be in each recipient's mailbox, once.

    powercut.py [--cuts N] [--fs ext4|xfs] [--seed N] [--tap]

Needs root and loop devices; says "skip" where they are not to be had.
"""
import argparse
import collections
import contextlib
import os
import random
import re
import shutil
import smtplib
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
import harness  # noqa: E402

RECIPIENTS = ["bob@xyz.com", "carol@xyz.com"]
ID = re.compile(rb"^X-Ledger: (\S+)\r?$", re.M)


class NoDisk(Exception):
    """This machine cannot make the images."""


def command(*argv):
    result = subprocess.run(argv, capture_output=True, text=True)
    if result.returncode != 0:
        raise NoDisk("%s: %s" % (argv[0], result.stderr.strip()[-200:]))


class Disk:
    """An image inside an XFS image, mounted, that can be cut."""

    def __init__(self, fs):
        self.fs = fs
        self.top = tempfile.mkdtemp(prefix="postpair-power-")
        self.outer = os.path.join(self.top, "outer")
        self.inner = os.path.join(self.top, "inner")
        self.image = os.path.join(self.outer, "image")
        self.cut_image = os.path.join(self.outer, "cut")
        os.mkdir(self.outer)
        os.mkdir(self.inner)
        try:
            self.make(fs)
        except (NoDisk, FileNotFoundError) as e:
            self.close()
            raise NoDisk(str(e)) from None

    def make(self, fs):
        outer_image = os.path.join(self.top, "outer.img")
        with open(outer_image, "wb") as f:
            f.truncate(8 << 30)
        command("mkfs.xfs", "-q", "-m", "reflink=1", outer_image)
        command("mount", "-o", "loop", outer_image, self.outer)
        with open(self.image, "wb") as f:
            f.truncate(1 << 30)
        command("mkfs." + fs, "-q", self.image)
        self.mount()

    def mount(self):
        command("mount", "-o", "loop,nouuid" if self.fs == "xfs" else "loop",
                self.image, self.inner)

    def cut(self):
        """The instant the power goes."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.cut_image)
        command("cp", "--reflink=always", self.image, self.cut_image)

    def power_on(self):
        command("umount", self.inner)
        os.rename(self.cut_image, self.image)
        self.mount()

    def close(self):
        for where in (self.inner, self.outer):
            subprocess.run(["umount", where], capture_output=True)
        shutil.rmtree(self.top, ignore_errors=True)


class Clients:
    """Threads that submit; `said` holds what was answered 250."""

    def __init__(self, port, names, n):
        self.port, self.names = port, names
        self.lock = threading.Lock()
        self.said = []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(n)]
        for t in self.threads:
            t.start()

    def run(self):
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as s:
                s.login("alice@abc.com", harness.PASSWORD)
                while not self.stop.is_set():
                    with self.lock:
                        name = "m%d" % next(self.names)
                    size = random.choice((10, 300, 5000, 400000)
                                         if random.random() < 0.1
                                         else (10, 300, 5000))
                    text = ("From: alice@abc.com\r\nX-Ledger: %s\r\n\r\n%s"
                            % (name, "body of a line\r\n" * (size // 16)))
                    s.sendmail("alice@abc.com", RECIPIENTS, text)
                    with self.lock:
                        self.said.append(name)
        except (OSError, smtplib.SMTPException):
            pass  # the servers were killed: nothing was said

    def sure(self):
        with self.lock:
            return list(self.said)

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join()


def stored(pair):
    """How often each message is in each mailbox, and what is not whole."""
    counts, broken = {}, []
    for user in RECIPIENTS:
        counts[user] = collections.Counter()
        for text in pair.maildir(user).messages():
            found = ID.search(text)
            if found is None or not text.endswith(b"\n"):
                broken.append(user)
            else:
                counts[user][found.group(1).decode()] += 1
    return counts, broken


def one_cut(disk, pair, names, expected, options):
    """Returns (lost, doubled, broken) after one more cut."""
    clients = Clients(pair.submission_port, names, options.clients)
    goal = random.randrange(1, 60)
    harness.wait_for(lambda: len(clients.sure()) >= goal, 60, "traffic")
    time.sleep(random.random() * 0.05)  # any moment, not only after a reply
    sure = clients.sure()
    disk.cut()
    for server in (pair.sender, pair.receiver):
        server.kill()
    clients.end()
    expected.update(sure)
    disk.power_on()
    pair.receiver.start()
    pair.sender.start()
    lost = lambda: [(u, m) for u, c in stored(pair)[0].items()
                    for m in expected if c[m] == 0]
    try:
        harness.wait_for(lambda: not lost(), 60, "every message")
    except AssertionError:
        pass
    pair.wait_queue_empty(60)
    counts, broken = stored(pair)
    doubled = [(u, m) for u, c in counts.items() for m in c if c[m] > 1]
    missing = lost()
    for user in RECIPIENTS:  # keep the mailboxes small
        for path in pair.maildir(user).files():
            os.unlink(path)
    os.sync()
    expected.clear()
    return len(missing), len(doubled), len(broken), len(sure)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--cuts", type=int, default=5)
    p.add_argument("--fs", choices=["ext4", "xfs"], default="ext4")
    p.add_argument("--clients", type=int, default=8)
    p.add_argument("--seed", type=int, default=None)
    p.add_argument("--tap", action="store_true")
    options = p.parse_args()
    random.seed(options.seed)
    title = "power cut on %s" % options.fs
    try:
        disk = Disk(options.fs)
    except NoDisk as e:
        print("1..1\nok 1 - %s # SKIP no image can be mounted here: %s" % (
            title, e) if options.tap else "skip: %s" % e)
        return 0
    tempfile.tempdir = disk.inner
    total = collections.Counter()
    names = iter(range(1 << 60))
    pair = None
    try:
        pair = harness.Pair()
        os.sync()
        for server in (pair.sender, pair.receiver):
            server.keep_ports()
        for number in range(options.cuts):
            lost, doubled, broken, said = one_cut(disk, pair, names, set(),
                                                  options)
            total.update(lost=lost, doubled=doubled, broken=broken, said=said)
            if not options.tap:
                print("cut %d: said 250 %d, lost %d, doubled %d, broken %d" % (
                    number + 1, said, lost, doubled, broken), flush=True)
        pair.stop()
        pair = None
    finally:
        if pair is not None:
            print(pair.logs(), file=sys.stderr)
            pair.kill()
        tempfile.tempdir = None
        disk.close()
    good = total["lost"] == total["doubled"] == total["broken"] == 0
    summary = "%d cuts on %s: said 250 %d, lost %d, doubled %d, broken %d" % (
        options.cuts, options.fs, total["said"], total["lost"],
        total["doubled"], total["broken"])
    if options.tap:
        print("1..1\n%sok 1 - %s" % ("" if good else "not ", summary))
    else:
        print(summary)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
