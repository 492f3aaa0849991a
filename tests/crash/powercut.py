#!/usr/bin/env python3
"""Power cuts: what a 250 is worth when the machine, or its disk, stops in the
middle.

The servers' data lies on a file system image.  While clients submit, the image
is cloned in one instant (a reflink copy on an XFS image that surrounds it): what
the clone holds is what a disk would hold if the power went at that moment.
The servers are killed, the clone takes the image's place, its journal is
replayed by mount, the servers start on it.  Then every message that was
answered 250 before the cut must be in each recipient's mailbox, and what was
deleted must be gone.

With --second carol's mailbox is a file system of its own, on the same image, so
that both are cut at one instant.  With --down it is the disk that goes and not
the power: a file system is shut down under the running servers, as the kernel
does when a device fails, without what was not yet written; they are killed or
stopped, and it is mounted again within the same boot.

    powercut.py [--cuts N] [--fs ext4|xfs] [--durability D] [--seed N]
                [--second] [--down]

Needs root and loop devices; says "skip" where they are not to be had.  What the
servers wrote and did not sync is lost in the cut; what they synced was in the
image by then, because the loop device writes at once what it is told to.
"""
import argparse
import collections
import contextlib
import fcntl
import os
import random
import shutil
import struct
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


GOINGDOWN = 0x8004587d  # EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN
NO_LOG_FLUSH = 2
SIZE = 1 << 30


class Disk:
    """An image inside an XFS image, mounted, that can be cut.  It has one file
    system, and with `second` another one behind it."""

    def __init__(self, fs, second=False):
        self.fs = fs
        self.second = None  # where it is to be mounted
        self.wants_second = second
        self.devices = []
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
            f.truncate(2 * SIZE)
        self.attach()
        for device in self.devices:
            command("mkfs." + fs, "-q", device)
        self.mount()

    def attach(self):
        for n in range(2 if self.wants_second else 1):
            done = subprocess.run(
                ["losetup", "-f", "--show", "-o", str(n * SIZE), "--sizelimit",
                 str(SIZE), self.image], capture_output=True, text=True)
            if done.returncode != 0:
                raise NoDisk("losetup: %s" % done.stderr.strip())
            self.devices.append(done.stdout.strip())

    def detach(self):
        while self.devices:
            subprocess.run(["losetup", "-d", self.devices.pop()],
                           capture_output=True)

    def mount(self):
        for device, where in zip(self.devices, (self.inner, self.second)):
            if where is not None:
                command("mount", "-o", "nouuid" if self.fs == "xfs" else
                        "defaults", device, where)

    def unmount(self):
        for where in (self.second, self.inner):
            if where is not None:
                command("umount", where)

    def add_second(self, where):
        """Mount the second one there, on the first."""
        os.makedirs(where)
        os.sync()
        command("mount", self.devices[1], where)
        self.second = where

    def go_down(self):
        """One of them fails, or both."""
        both = [self.inner] if self.second is None else random.choice(
            ([self.inner], [self.second], [self.second, self.inner]))
        for where in both:
            fd = os.open(where, os.O_RDONLY)
            fcntl.ioctl(fd, GOINGDOWN, struct.pack("I", NO_LOG_FLUSH))
            os.close(fd)

    def come_back(self):
        self.unmount()
        self.mount()

    def cut(self):
        """The instant the power goes."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.cut_image)
        command("cp", "--reflink=always", self.image, self.cut_image)

    def power_on(self):
        self.unmount()
        self.detach()
        os.rename(self.cut_image, self.image)
        self.attach()
        self.mount()

    def close(self):
        for where in (self.second, self.inner):
            if where is not None:
                subprocess.run(["umount", where], capture_output=True)
        self.detach()
        subprocess.run(["umount", self.outer], capture_output=True)
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
    if options.down:  # what is promised without a disk is a promise
        disk.go_down()
        for server in (pair.sender, pair.receiver):
            if random.random() < 0.5:
                server.kill()
            else:
                server.stop()
        clients.end()
        disk.come_back()
    else:
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
    disk = Disk(options.fs, options.second)
    pair = None
    try:
        tempfile.tempdir = disk.inner
        pair = harness.Pair(**kill_steps.settings(options.durability))
        ledger = books.Ledger(pair)
        if options.second:
            disk.add_second(pair.maildir(books.CAROL).path)
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
    p.add_argument("--second", action="store_true",
                   help="carol's mailbox on a file system of its own")
    p.add_argument("--down", action="store_true",
                   help="shut a file system down instead of a power cut")
    p.add_argument("--without-sync", action="store_true", help="make every "
                   "sync do nothing: shows that the test would see it")
    options = p.parse_args()
    try:
        figures = run(options, lambda line: print(line, flush=True))
    except NoDisk as e:
        print("skip: %s" % e)
        return 0
    print("%s on %s%s%s: %s" % (
        options.durability, options.fs, ", second" if options.second else "",
        ", down" if options.down else "", ", ".join(
        "%s %d" % (key, figures[key]) for key in (
            "cuts", "said", "deleted", "lost", "doubled", "undead", "broken",
            "left", "crashed"))))
    return 1 if any(figures[key] for key in books.WRONG) else 0


if __name__ == "__main__":
    sys.exit(main())
