"""What was promised to clients, and whether the servers kept it.

A Ledger belongs to a pair.  Its clients note what each reply promised: a
message answered 250 is in every recipient's mailbox, once and whole; one that
was not answered may be there, once and whole; one deleted by a POP3 session
whose QUIT was answered +OK is gone for good.  A server that died is started
again (revive), and whatever was not answered is sent again under a new name.
"""

import collections
import contextlib
import itertools
import os
import poplib
import re
import smtplib
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
sys.dont_write_bytecode = True
import harness  # noqa: E402

BOB, CAROL = "bob@xyz.com", "carol@xyz.com"
USERS = (BOB, CAROL)
NAME = re.compile(rb"^X-Ledger: (\S+)$", re.M)
FAILED = (OSError, EOFError, smtplib.SMTPException, poplib.error_proto)
SETTLE_S = 60

# What must never happen; "undead": delivered again after its deletion.
WRONG = ("lost", "doubled", "undead", "broken", "left", "crashed")


def body_of(name, lines):
    return "".join("%d of %s\n" % (n, name) for n in range(lines)) + \
        ".\nend of %s\n" % name


def text_of(name, lines):
    """Lines end in LF; X-Lines says how long it must be."""
    return "From: alice@abc.com\nX-Ledger: %s\nX-Lines: %d\n\n%s" % (
        name, lines, body_of(name, lines))


def is_whole(text):
    head, _, body = text.partition(b"\n\n")
    name = NAME.search(head)
    lines = re.search(rb"^X-Lines: (\d+)$", head, re.M)
    return name and lines and body == body_of(
        name[1].decode(), int(lines[1])).encode()


class Ledger:
    """The promises of one pair."""

    def __init__(self, pair):
        self.pair = pair
        self.numbers = itertools.count(1)
        self.said = collections.defaultdict(set)  # user: names
        self.maybe_gone = collections.defaultdict(set)
        self.gone = collections.defaultdict(set)
        self.figures = collections.Counter()
        self.crashes = []
        self.expected_death = True
        self.patience = SETTLE_S

    # ---- servers -------------------------------------------------------

    def revive(self):
        """Start again what died."""
        for server in (self.pair.receiver, self.pair.sender):
            while server.process is None or \
                    server.process.poll() is not None:
                self.buried(server)
                server.environment = {}
                server.start()

    def buried(self, server):
        if server.process is None:
            return
        status = server.process.returncode
        self.figures["ended"] += 1
        if status != -9 or not self.expected_death:
            self.crashes.append("%s ended with status %d" % (
                server.name, status))
        server.process = None

    # ---- clients -------------------------------------------------------

    def new_name(self):
        return "m%d" % next(self.numbers)

    def submit(self, recipients, lines=3, direct=False):
        """One try.  direct: to the receiver, without the sender."""
        name = self.new_name()
        port = self.pair.smtp_port if direct else self.pair.submission_port
        try:
            with contextlib.closing(smtplib.SMTP(
                    "127.0.0.1", port, "client.test", 20)) as s:
                s.ehlo()
                if not direct:
                    s.login("alice@abc.com", harness.PASSWORD)
                refused = s.sendmail("alice@abc.com", recipients,
                                     text_of(name, lines))
        except FAILED as e:
            self.unanswered(e)
            return False
        for user in recipients:
            if user not in refused:
                self.said[user].add(name)
        self.figures["said"] += 1
        return not refused

    def unanswered(self, e):
        self.figures["unanswered"] += 1
        replies = getattr(e, "recipients", {"": (getattr(
            e, "smtp_code", 0), b"")}).values()
        for code, text in replies:
            assert code < 500, "refused for good: %d %r" % (code, text)

    def hand_over(self, recipients, command, environment=None, status=(0,)):
        """One postpair-sendmail; what it ended with."""
        name = self.new_name()
        done = subprocess.run(command + recipients, check=False, timeout=60,
                              input=text_of(name, 3).encode(),
                              capture_output=True,
                              env={**os.environ, **(environment or {})})
        if done.returncode == 0:
            for user in recipients:
                self.said[user].add(name)
            self.figures["said"] += 1
        else:
            self.figures["unanswered"] += 1
        if done.returncode not in status:
            self.crashes.append("postpair-sendmail: %d %r" % (
                done.returncode, done.stderr))
        return done.returncode

    def send(self, recipients, lines=3, direct=False, seconds=SETTLE_S):
        """Until it is answered 250."""
        end = time.monotonic() + seconds
        while not self.submit(recipients, lines, direct):
            self.revive()
            assert time.monotonic() < end, "no 250 within %d s\n%s" % (
                seconds, self.pair.logs())

    def delete_one(self, user):
        """A POP3 session that deletes the first message, and what is the same
        as it (a copy that could not be taken back stands there until the next
        start); one try."""
        name = None
        try:
            with contextlib.closing(poplib.POP3(
                    "127.0.0.1", self.pair.pop3_port, timeout=20)) as p:
                p.user(user)
                p.pass_(harness.PASSWORD)
                if p.stat()[0] == 0:
                    return True
                names = [NAME.search(b"\n".join(p.retr(n + 1)[1]))[1].decode()
                         for n in range(p.stat()[0])]
                name = names[0]
                for n, other in enumerate(names):
                    if other == name:
                        p.dele(n + 1)
                self.maybe_gone[user].add(name)
                p.quit()
        except FAILED:
            self.figures["unanswered"] += 1
            return False
        self.gone[user].add(name)
        self.figures["deleted"] += 1
        return True

    def delete(self, user):
        while not self.delete_one(user):
            self.revive()

    # ---- the books -----------------------------------------------------

    def stored(self):
        """{user: Counter of names}, and what is not whole."""
        counts, broken = {}, []
        for user in USERS:
            counts[user] = collections.Counter()
            for text in self.pair.maildir(user).messages():
                if is_whole(text):
                    counts[user][NAME.search(text)[1].decode()] += 1
                else:
                    broken.append("%s: %r" % (user, text[:200]))
        return counts, broken

    def missing(self):
        counts, _ = self.stored()
        return [(user, name) for user in USERS
                for name in self.said[user] - self.maybe_gone[user]
                if counts[user][name] == 0]

    def settle(self, seconds=None):
        """Wait until every promise is kept and the queue says it is empty."""
        end = time.monotonic() + (seconds or self.patience)
        while self.missing() or self.pair.waiting():
            self.revive()
            if time.monotonic() > end:
                return
            time.sleep(0.01)
        self.revive()

    def restart(self, server):
        """An orderly stop, a start."""
        if server.process is not None and server.process.poll() is None:
            server.process.terminate()
            try:
                server.process.wait(harness.STOP_S)
            except subprocess.TimeoutExpired:
                self.crashes.append("%s did not stop" % server.name)
                server.process.kill()
                server.process.wait()
            if server.process.returncode == 0:
                server.process = None
        self.revive()

    def check(self):
        """Adds what is wrong to the figures; returns it in words."""
        counts, broken = self.stored()
        lost = ["lost: %s of %s" % (n, u) for u, n in self.missing()]
        doubled = ["doubled: %s of %s" % (n, u)
                   for u, c in counts.items() for n in c if c[n] > 1]
        undead = ["back after its deletion: %s of %s" % (n, u)
                  for u in USERS for n in self.gone[u] if counts[u][n]]
        left = ["left in the queue or tmp: " + p
                for p in self.pair.queue() + self.pair.left_in_tmp()]
        self.figures.update(lost=len(lost), doubled=len(doubled),
                            undead=len(undead), broken=len(broken),
                            left=len(left), crashed=len(self.crashes))
        wrong = lost + doubled + undead + broken + left + self.crashes
        self.crashes = []
        return wrong

    def forget(self):
        """Empty the mailboxes, through POP3 as their owner does."""
        for user in USERS:
            with contextlib.closing(poplib.POP3(
                    "127.0.0.1", self.pair.pop3_port, timeout=20)) as p:
                p.user(user)
                p.pass_(harness.PASSWORD)
                for n in range(p.stat()[0]):
                    p.dele(n + 1)
                p.quit()
        for user in USERS:
            self.gone[user] |= self.said[user]
        self.said.clear()
        self.maybe_gone.clear()


def workload(ledger):
    """Small and large, one and two recipients, straight and relayed, and a
    reader who deletes."""
    ledger.send([BOB])
    ledger.send([BOB, CAROL])
    ledger.send([CAROL, BOB], direct=True)
    ledger.send([CAROL, BOB], lines=25000)
    ledger.settle()
    ledger.delete(BOB)
    ledger.send([BOB], direct=True)
    ledger.send([BOB, CAROL])
    ledger.settle()


class Steps:
    """The preload library, and the file in which it counts."""

    def __init__(self, library):
        self.library = os.path.abspath(library)
        self.file = tempfile.NamedTemporaryFile(prefix="postpair-steps-")

    def arm(self, server, at, do="before", **more):
        """From its next start on the server counts, and ends at step `at`."""
        with open(self.file.name, "wb") as f:
            f.write(bytes(64))
        server.environment = {
            "LD_PRELOAD": self.library, "STEP_PROGRAM": server.name,
            "STEP_AT": str(at), "STEP_DO": str(do),
            "STEP_COUNT": self.file.name,
            "ASAN_OPTIONS": "verify_asan_link_order=0",
            **{"STEP_" + k.upper(): str(v) for k, v in more.items()}}

    def count(self):
        with open(self.file.name, "rb") as f:
            data = f.read(64)
        return int.from_bytes(data[:8], "little"), \
            data[8:].split(b"\0")[0].decode()

    def close(self):
        self.file.close()


def build_library(source, target):
    """Compile a preload library into the build tree, once."""
    source = os.path.join(HERE, source)
    if not os.path.exists(target) or \
            os.path.getmtime(target) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        cc = os.environ.get("CC", "cc").split()
        made = target + ".%d" % os.getpid()
        subprocess.run([*cc, "-D_GNU_SOURCE", "-O2", "-shared", "-fPIC", "-o",
                        made, source, "-ldl"], check=True)
        os.rename(made, target)
    return target


def steps():
    return Steps(build_library("steps.c", os.path.join(
        harness.top_builddir(), "tests", "crash", "steps.so")))
