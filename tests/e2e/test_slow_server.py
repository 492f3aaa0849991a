"""Servers that are slow, obey everything, and go on with what they have after
the client has left: nobody gets a message twice, and everybody gets it."""

import collections
import contextlib
import smtplib
import socket
import threading
import time

import harness
import pytest
from harness import Pair

ALICE = "alice@abc.com"


class Slow:
    """A server that takes `wait` seconds for each RCPT, one command after the
    other."""

    def __init__(self, wait, offers):
        self.wait = wait
        self.pause = 0
        self.ehlo = b"".join(b"250-%s\r\n" % o for o in offers)
        self.got = collections.Counter()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listening.accept()[0]
                threading.Thread(target=self.serve, args=(client,),
                                 daemon=True).start()

    def serve(self, client):
        def say(text):
            with contextlib.suppress(OSError):  # it may have left
                client.sendall(text)
        to = []
        with client, client.makefile("rb") as lines, \
                contextlib.suppress(OSError):
            say(b"220 slow\r\n")
            for line in lines:
                verb = line.strip()[:4].upper()
                if verb == b"EHLO":
                    say(b"250-slow\r\n" + self.ehlo + b"250 HELP\r\n")
                    continue
                if verb == b"MAIL":
                    to = []
                elif verb == b"RCPT":
                    time.sleep(self.wait)  # what it is for
                    to.append(line.split(b"<")[1].split(b">")[0].decode())
                elif verb == b"DATA":
                    say(b"354 go on\r\n")
                    while (text := lines.readline()) != b".\r\n":
                        if not text:
                            return
                        time.sleep(self.pause)  # what it is for
                    self.got.update(to)
                elif verb == b"BDAT":
                    lines.read(int(line.split()[1]))
                    self.got.update(to)
                say(b"250 ok\r\n")

    def close(self):
        self.listening.close()


PIPED, CHUNKED = (b"PIPELINING",), (b"PIPELINING", b"CHUNKING")


@pytest.mark.parametrize("offers,wait,recipients,limits", [
    ((), 0.4, 10, {"data-timeout": "3s"}),
    (PIPED, 0.4, 10, {"data-timeout": "3s"}),
    (CHUNKED, 0.4, 10, {"data-timeout": "3s"}),
    ((b"LIMITS RCPTMAX=1",), 0.4, 10, {"data-timeout": "3s"}),
    (CHUNKED, 1.4, 1, {"command-timeout": "1s"})])
def test_a_slow_server_gets_each_message_once(offers, wait, recipients, limits):
    slow = Slow(wait, offers)
    to = ["u%d@slow.example" % i for i in range(recipients)]
    with contextlib.closing(slow), Pair(
            routes={"slow.example": "127.0.0.1:%d" % slow.port},
            sender={"relay": limits, "queue": {"retry-min": "200ms"},
                    "verify": {"enabled": "no"}}) as pair:
        with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
            s.login(ALICE, harness.PASSWORD)
            s.sendmail(ALICE, to, "From: %s\r\nSubject: x\r\n\r\nx\r\n"
                       % ALICE)
        pair.wait_queue_empty(seconds=60)
        assert slow.got == collections.Counter(to)
        # each reply came in time, but it may not hold a delivery for long
        assert ("451 4.5.3 " in pair.sender.log()) == ("data-timeout" in limits)


@pytest.mark.parametrize("offers", [(), PIPED])
def test_the_time_for_the_last_reply_begins_when_the_message_has_come(offers):
    """It takes four times final-timeout to read what the sender's system has
    taken at once."""
    slow = Slow(0, offers)
    slow.pause = 0.02
    # a small window: nearly all of it waits on the sender's side
    slow.listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    text = "From: %s\r\nSubject: x\r\n\r\n" % ALICE + ("x" * 900 + "\r\n") * 600
    with contextlib.closing(slow), Pair(
            routes={"slow.example": "127.0.0.1:%d" % slow.port},
            sender={"relay": {"final-timeout": "3s"},
                    "queue": {"retry-min": "200ms"},
                    "verify": {"enabled": "no"}}) as pair:
        with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
            s.login(ALICE, harness.PASSWORD)
            s.sendmail(ALICE, ["u@slow.example"], text)
        pair.wait_queue_empty(seconds=60)
        assert slow.got == {"u@slow.example": 1}
        assert "timed out" not in pair.sender.log()
