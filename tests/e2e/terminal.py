"""mailsh on a pseudo-terminal, as a person sees it."""

import fcntl
import os
import re
import select
import signal
import struct
import termios
import time

import harness

WAIT_S = 20
TIOCGPTN = 0x80045430  # ioctl_tty(2)
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """mailsh with a person in front of it."""

    def __init__(self, pair, *options, behind=False, **environment):
        """behind: mailsh is not the leader of its session; the leader keeps a
        hang-up for itself, and its exit status is mailsh's."""
        self.seen = b""
        self.deadline = 0
        env = {**pair.environment(), "TERM": "xterm", "PAGER": "cat",
               "EDITOR": "sed -i s/before/after/", "VISUAL": "",
               **environment}
        argv = [harness.program("mailsh"), "-H", "127.0.0.1", "--pop3-port",
                str(pair.pop3_port), *options]
        if pair.with_sender:
            argv += ["--smtp-port", str(pair.submission_port)]
        self.pid, self.fd = harness.fork_terminal()
        if self.pid == 0:
            try:
                os.chdir(pair.directory)
                if behind:
                    stand_before()
                os.execve(argv[0], argv, env)
            finally:
                os._exit(127)

    def expect(self, text):
        """Wait for the text; what stands up to its end is forgotten."""
        want = text.encode()
        end = time.monotonic() + WAIT_S
        while want not in self.seen:
            left = end - time.monotonic()
            assert left > 0, "no %r in %r" % (text, self.seen)
            if select.select([self.fd], [], [], left)[0]:
                try:
                    self.seen = ESCAPES.sub(
                        b"", self.seen + os.read(self.fd, 65536))
                except OSError:
                    raise AssertionError("ended without %r: %r" % (
                        text, self.seen)) from None
        before, _, self.seen = self.seen.partition(want)
        return before.decode(errors="replace")

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """Its exit status."""
        self.deadline = time.monotonic() + WAIT_S
        while time.monotonic() < self.deadline:
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.fd, 65536)
                except OSError:
                    break
        return self.close()

    def settled(self):
        """Wait until the shell has taken all that was typed: what is echoed may
        still wait in the terminal."""
        number = struct.unpack("i", fcntl.ioctl(self.fd, TIOCGPTN, b"\0" * 4))[0]
        slave = os.open("/dev/pts/%d" % number, os.O_RDWR | os.O_NOCTTY)
        try:
            harness.wait_for(
                lambda: not termios.tcgetattr(slave)[3] & termios.ICANON and
                not any(fcntl.ioctl(slave, termios.FIONREAD, b"\0" * 4)),
                WAIT_S, "an empty line buffer")
        finally:
            os.close(slave)

    def hang_up(self):
        """The terminal goes away; its exit status."""
        self.deadline = time.monotonic() + WAIT_S
        os.close(self.fd)
        self.fd = os.open(os.devnull, os.O_RDONLY)
        return self.close()

    def close(self):
        """Make sure that it is gone; its exit status."""
        if self.pid == 0:
            return None
        while time.monotonic() < self.deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                break
            select.select([], [], [], 0.01)
        else:
            os.kill(self.pid, 9)
            _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)


def stand_before():
    """Wait for the rest of the program, a new process, and exit like it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        return
    _, status = os.waitpid(pid, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 255)


def log_in(pair, user="alice@abc.com", **environment):
    t = Terminal(pair, "-u", user, **environment)
    t.expect("Password for %s: " % user)
    t.type("secret\n")
    t.expect("logged in as")
    t.expect("> ")
    return t
