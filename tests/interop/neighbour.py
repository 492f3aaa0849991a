"""What the private instances of other people's mail servers have in common.

    with Exim(relay={"xyz.com": ("smtp", port)}, local=["exim.example"]) as n:
        n.submit(sender, [recipient], message)      # by SMTP, on n.port
        n.wait_received(1)                          # what its mailbox got

`local` are domains whose mail it keeps, whoever the recipient is; `relay` says
where the mail of a domain goes: (protocol, port) with protocol smtp or lmtp, on
127.0.0.1.  Everything is below a temporary directory; it listens on loopback.
Leaving the block ends it by its process group.
"""

import os
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
import harness  # noqa: E402

START_S = 20
STOP_S = 20


def need(*programs):
    """Paths of the programs, or the test is skipped."""
    found = []
    for name in programs:
        path = shutil.which(name, path=os.environ["PATH"] +
                            ":/usr/sbin:/usr/local/sbin:/sbin")
        if path is None:
            pytest.skip("%s is not installed" % name)
        found.append(path)
    return found


def need_root():
    if os.geteuid() != 0:
        pytest.skip("this neighbour can only be started by root")


def free_port(address="127.0.0.1"):
    """A port that the kernel says is free now."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, 0))
        return s.getsockname()[1]


def greets(port, address="127.0.0.1"):
    """Does a mail server greet there?"""
    try:
        with socket.create_connection((address, port), 5) as s:
            return s.recv(3) == b"220"
    except OSError:
        return False


class Neighbour:
    """One server of somebody else; a subclass writes its configuration."""

    name = "neighbour"
    start_s = START_S

    def __init__(self, relay=None, local=(), address="127.0.0.1", port=None):
        self.relay = dict(relay or {})
        self.local = list(local)
        self.address = address
        self.directory = tempfile.mkdtemp(prefix="postpair-%s-" % self.name)
        os.chmod(self.directory, 0o755)
        self.port = port or free_port(address)
        self.process = None

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def spawn(self, *command, **options):
        """The server in the foreground, in a process group of its own."""
        with open(self.path("output"), "ab") as out:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, **options)

    def configure(self):
        """Write the files and start the process."""
        raise NotImplementedError

    def logs(self):
        """What it said."""
        with open(self.path("output"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def __enter__(self):
        try:
            self.configure()
            harness.wait_for(self.is_up, self.start_s, "%s to greet" % self.name)
        except BaseException:
            print(self.logs() if self.process else "")
            self.stop()
            raise
        return self

    def is_up(self):
        assert self.process.poll() is None, "%s ended: %s" % (
            self.name, self.logs()[-4000:])
        return greets(self.port, self.address)

    def __exit__(self, kind, _value, _trace):
        if kind is not None:
            print("--- %s\n%s" % (self.name, self.logs()[-8000:]))
        self.stop()

    def stop(self):
        if self.process is not None:
            for signum in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(self.process.pid, signum)
                    self.process.wait(STOP_S)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    pass
            self.process = None
        if not os.environ.get("POSTPAIR_KEEP"):
            shutil.rmtree(self.directory, ignore_errors=True)

    def submit(self, sender, recipients, message):
        with smtplib.SMTP(self.address, self.port, timeout=30) as s:
            s.sendmail(sender, recipients, message)

    def mailbox(self):
        """The Maildir that gets all mail for self.local."""
        return harness.Maildir(self.path("mail"))

    def wait_received(self, count, seconds=30):
        return self.mailbox().wait(count, seconds)
