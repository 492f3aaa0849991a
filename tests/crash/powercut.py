#!/usr/bin/env python3
"""Power cuts: what a 250 is worth when the machine stops in the middle.

The servers' data lies on a file system image.  While clients submit, the image
is cloned in one instant (a reflink copy on an XFS image that surrounds it): what
the clone holds is what a disk would hold if the power went at that moment.
The servers are killed, the clone takes the image's place, its journal is
replayed by mount, the servers start on it.  Then every message that was
answered 250 before the cut must be in each recipient's mailbox, and what was
deleted must be gone.

    powercut.py [--cuts N] [--fs ext4|xfs] [--durability D] [--seed N]

Needs root and loop devices; says "skip" where they are not to be had.  What the
servers wrote and did not sync is lost in the cut; what they synced was in the
image by then, because the loop device writes at once what it is told to.
"""
import argparse
import collections
import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import ledger as books
import harness
import kill_steps

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
    """Threads that submit, and one that reads and deletes; the ledger holds
    what they were told."""

    def __init__(self, ledger, n):
        self.ledger = ledger
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.submit)
                        for _ in range(n)]
        self.threads.append(threading.Thread(target=self.delete))
        for t in self.threads:
            t.start()

    def submit(self):
        going = True
        while going and not self.stop.is_set():
            to = random.choice(([books.BOB], [books.BOB, books.CAROL]))
            lines = random.choice((1, 20, 300, 300, 25000)
                                  if random.random() < 0.1 else (1, 20, 300))
            going = self.ledger.submit(to, lines, random.random() < 0.3)

    def delete(self):
        while not self.stop.is_set() and self.ledger.delete_one(books.BOB):
            self.stop.wait(0.005)

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join()


def snapshot(names):
    return collections.defaultdict(set, {
        user: names[user].copy() for user in books.USERS})


def one_cut(disk, ledger, options):
    """One more cut; returns how much was promised before it, and what was
    not kept."""
    pair = ledger.pair
    before = ledger.figures["said"]
    clients = Clients(ledger, options.clients)
    goal = before + random.randrange(1, 60)
    harness.wait_for(lambda: ledger.figures["said"] >= goal, 60, "traffic")
    time.sleep(random.random() * 0.05)  # any moment, not only after a reply
    said, gone = snapshot(ledger.said), snapshot(ledger.gone)
    count = ledger.figures["said"] - before
    disk.cut()
    for server in (pair.sender, pair.receiver):
        server.kill()
    clients.end()
    ledger.said, ledger.gone = said, gone
    disk.power_on()
    for server in (pair.receiver, pair.sender):
        server.environment = options.environments[server.name]
        server.start()
    ledger.settle(3 if options.without_sync else books.SETTLE_S)
    wrong = ledger.check()
    ledger.forget()
    return count, wrong


def run(options, say=lambda _: None):
    """All the cuts; returns the figures.  NoDisk when it cannot be done."""
    random.seed(options.seed)
    steps = books.steps()
    environments = {"postpair-sender": {}, "postpair-receiver": {}}
    if options.without_sync:
        for name, environment in environments.items():
            environment.update(
                LD_PRELOAD=steps.library, STEP_PROGRAM=name, STEP_AT="1",
                STEP_FOR="0", STEP_DO="ignore", STEP_CALLS="sync",
                ASAN_OPTIONS="verify_asan_link_order=0")
    options.environments = environments
    disk = Disk(options.fs)
    pair = None
    try:
        tempfile.tempdir = disk.inner
        pair = harness.Pair(**kill_steps.settings(options.durability))
        ledger = books.Ledger(pair)
        os.sync()
        for server in (pair.sender, pair.receiver):
            server.keep_ports()
        for number in range(options.cuts):
            said, wrong = one_cut(disk, ledger, options)
            ledger.figures["cuts"] += 1
            say("cut %d: 250 said %d times; %s" % (
                number + 1, said, "; ".join(wrong) or "all kept"))
        pair.stop()
        pair = None
        return ledger.figures
    finally:
        if pair is not None:
            print(pair.logs(), file=sys.stderr)
            pair.kill()
        tempfile.tempdir = None
        disk.close()


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--cuts", type=int, default=5)
    p.add_argument("--fs", choices=["ext4", "xfs"], default="ext4")
    p.add_argument("--durability", choices=kill_steps.DURABILITIES,
                   default="journal")
    p.add_argument("--clients", type=int, default=8)
    p.add_argument("--seed", type=int, default=None)
    p.add_argument("--without-sync", action="store_true", help="make every "
                   "sync do nothing: shows that the test would see it")
    options = p.parse_args()
    try:
        figures = run(options, lambda line: print(line, flush=True))
    except NoDisk as e:
        print("skip: %s" % e)
        return 0
    print("%s on %s: %s" % (options.durability, options.fs, ", ".join(
        "%s %d" % (key, figures[key]) for key in (
            "cuts", "said", "deleted", "lost", "doubled", "undead", "broken",
            "left", "crashed"))))
    return 1 if any(figures[key] for key in books.WRONG) else 0


if __name__ == "__main__":
    sys.exit(main())
