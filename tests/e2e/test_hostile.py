"""Peers and machines that mean harm: trickles, storms, floods, files of the
wrong kind.  What they may cost is bounded, and others are served meanwhile."""

import contextlib
import os
import select
import smtplib

import harness
import pytest
from harness import Wire

ALICE, BOB = "alice@abc.com", "bob@xyz.com"
TEXT = b"From: alice@abc.com\r\nTo: bob@xyz.com\r\nSubject: calm\r\n\r\nbody\r\n"


def deliver(pair):
    with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=30) as s:
        s.sendmail(ALICE, [BOB], TEXT)


def test_a_message_that_trickles_in_has_no_more_than_the_idle_time():
    times = {"idle-timeout": "500ms", "data-timeout": "10m"}
    with harness.Pair(receiver={"smtp": times}) as pair, \
            Wire(pair.smtp_port) as c:
        c.reply()
        c.ask(b"EHLO slow.example")
        c.ask(b"MAIL FROM:<>")
        c.ask(b"RCPT TO:<bob@xyz.com>")
        assert c.ask(b"DATA").startswith(b"354")
        sent = 0
        # a byte every 50 ms: never silent for long, and far too slow
        while not select.select([c.socket], [], [], 0.05)[0] and sent < 200:
            c.send(b"x")
            sent += 1
        assert c.line().startswith(b"421 4.4.2")
        assert sent < 200
        assert pair.left_in_tmp() == []


@pytest.mark.parametrize("kind", ["pipe", "directory", "missing"])
def test_users_file_of_the_wrong_kind_keeps_the_old_users(kind):
    """Not "no users", which would refuse everybody's mail for good."""
    with harness.Pair() as pair:
        deliver(pair)
        os.unlink(pair.users_path)
        if kind == "pipe":
            os.mkfifo(pair.users_path)
        elif kind == "directory":
            os.mkdir(pair.users_path)
        deliver(pair)
        pair.receiver.wait_log(r"users-kept")
        with contextlib.suppress(OSError):
            os.unlink(pair.users_path)
        with contextlib.suppress(OSError):
            os.rmdir(pair.users_path)
        pair.write_users()
        deliver(pair)
        assert len(pair.maildir(BOB).wait(3)) == 3
