"""Peers and machines that mean harm: trickles, storms, floods, files of the
wrong kind.  What they may cost is bounded, and others are served meanwhile."""

import contextlib
import os
import select
import smtplib
import socket
import threading

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


@pytest.mark.parametrize("kind", ["pipe", "directory", "missing", "empty"])
def test_users_file_of_the_wrong_kind_keeps_the_old_users(kind):
    """Not "no users", which would refuse everybody's mail for good."""
    with harness.Pair() as pair:
        deliver(pair)
        os.unlink(pair.users_path)
        if kind == "pipe":
            os.mkfifo(pair.users_path)
        elif kind == "directory":
            os.mkdir(pair.users_path)
        elif kind == "empty":
            os.close(os.open(pair.users_path, os.O_CREAT | os.O_WRONLY, 0o600))
        deliver(pair)
        pair.receiver.wait_log(r"users-kept")
        with contextlib.suppress(OSError):
            os.unlink(pair.users_path)
        with contextlib.suppress(OSError):
            os.rmdir(pair.users_path)
        pair.write_users()
        deliver(pair)
        assert len(pair.maildir(BOB).wait(3)) == 3


def test_a_start_without_users_refuses_nobody_for_good():
    with harness.Pair(sender=False, start=False) as pair:
        pair.write_users("")
        pair.start()
        pair.receiver.wait_log(r" error users-none file=")
        with harness.Wire(pair.smtp_port) as wire:
            wire.reply()
            wire.ask(b"EHLO x")
            wire.ask(b"MAIL FROM:<>")
            assert wire.ask(b"RCPT TO:<%s>" % BOB.encode()).startswith(
                b"451 4.3.0 ")
            pair.receiver.wait_log(r" error receive-failed session=\S+ "
                                   r"step=rcpt address=%s .* "
                                   r'reason="the users file is empty"' % BOB)
            assert wire.ask(b"RCPT TO:<a@elsewhere.org>").startswith(b"55")
            pair.write_users()
            assert wire.ask(b"RCPT TO:<%s>" % BOB.encode()).startswith(b"250")
            assert wire.ask(b"RCPT TO:<x%s>" % BOB.encode()).startswith(b"550")


# ---- servers that lie to the shell ------------------------------------------

class Liar:
    """A server for mailsh alone: answers a command by the given words."""

    def __init__(self, greeting, answers, other=b"+OK\r\n",
                 host="127.0.0.1"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listening = socket.create_server((host, 0), family=family)
        self.port = self.listening.getsockname()[1]
        self.greeting, self.answers, self.other = greeting, answers, other
        threading.Thread(target=self.serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listening.close()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listening.accept()[0]
                with contextlib.suppress(OSError), client, \
                        client.makefile("rb") as lines:
                    self.talk(client, lines)

    def talk(self, client, lines):
        client.sendall(self.greeting)
        for line in lines:
            verb = (line.split() or [b""])[0].upper().decode()
            client.sendall(self.answers.get(verb, self.other))
            if verb == "QUIT":
                return


NASTY = b"\x1b]0;owned\x07\x1b[31m\x9b2J\xc2\x9b2J"
MAIL = (b"+OK\r\nFrom: " + NASTY + b" <a@b.example>\r\nSubject: "
        b"=?utf-8?B?G10wO293bmVkBxtbMzFt?= " + NASTY + b"\r\n\r\n" +
        NASTY + b"\r\n.\r\n")
POP3 = {"CAPA": b"+OK\r\nTOP\r\nUIDL\r\nUSER\r\n.\r\n",
        "STAT": b"+OK 1 100\r\n", "LIST": b"+OK\r\n1 100\r\n.\r\n",
        "UIDL": b"+OK\r\n1 abc\r\n.\r\n", "TOP": MAIL, "RETR": MAIL}


@pytest.mark.parametrize("greeting,answers,status", [
    (b"+OK " + NASTY + b"\r\n", {}, 0),
    (b"-ERR " + NASTY + b"\r\n", {}, 1),
    (b"+OK hello\r\n", {"PASS": b"-ERR " + NASTY + b"\r\n"}, 4),
    (b"+OK hello\r\n", {"UIDL": b"+OK\r\n1 " + NASTY + b"\r\n.\r\n"}, 3),
    # a number that no mailbox of that size has
    (b"+OK hello\r\n", {"LIST": b"+OK\r\n4294967295 1\r\n.\r\n"}, 0),
    (b"+OK hello\r\n", {"LIST": b"+OK\r\n1 3\r\n1 3\r\n.\r\n"}, 3),
], ids=["greeting", "refusal", "password", "uidl", "number", "twice"])
def test_pop3_server_cannot_hurt_the_shell_or_its_terminal(greeting, answers,
                                                           status):
    script = b"trace on\nlogin bob@xyz.com --password secret\nlist\nread 1\n"
    with harness.Pair() as pair, Liar(greeting, {**POP3, **answers}) as liar:
        done = pair.run([
            harness.program("mailsh"), "--smtp-port", str(pair.submission_port),
            "--pop3-port", str(liar.port)], script)
        text = (done.stdout + done.stderr).decode()  # UTF-8, all of it
        assert not harness.FAULTS.search(text), text
        assert done.returncode == status, text
        assert not any(ord(c) < 0x20 and c not in "\n\t" or
                       0x7f <= ord(c) < 0xa0 for c in text), ascii(text)


SMTP = {"EHLO": b"250-liar\r\n250 AUTH PLAIN\r\n", "AUTH": b"334 \r\n",
        "DATA": b"354 go\r\n"}
YES = {"AGFSAWNLQGFIYY5JB20AC2VJCMV0": b"235 2.7.0 come in\r\n"}


@pytest.mark.parametrize("greeting,answers,status", [
    (b"220 " + NASTY + b"\r\n", YES, 0),
    (b"554 " + NASTY + b"\r\n", YES, 1),
    (b"220 liar\r\n", {}, 3),  # 250 to the credentials
    (b"220 liar\r\n", {"AUTH": b"250 ok\r\n"}, 3),
    (b"220 liar\r\n", {"EHLO": b"250-x\r\n" * 20000}, 3),
    (b"220 liar\r\n", {**YES, "RCPT": b"550 5.1.1 " + NASTY + b"\r\n"}, 1),
    (b"220 liar\r\n", {**YES, "RCPT": b"250-a\r\n550 b\r\n"}, 3),
    (b"220 liar\r\n", {**YES, "MAIL": b"250 a\r\n250 b\r\n250 c\r\n"}, 3),
    (b"220 liar\r\n", {**YES, "RCPT": b"250 a\0b\r\n"}, 3),
], ids=["greeting", "refusal", "auth-250", "auth-at-once", "endless", "rcpt",
        "two-minds", "ahead", "nul"])
def test_smtp_server_cannot_hurt_the_shell_or_its_terminal(greeting, answers,
                                                           status):
    script = (b"trace on\nlogin alice@abc.com --password secret\n"
              b"compose --to bob@xyz.com --subject hi --body x --no-edit\n"
              b"send\n")
    with harness.Pair(sender=False) as pair, \
            Liar(greeting, {**SMTP, **answers, ".": b"250 ok\r\n"},
                 b"250 ok\r\n") as liar:
        done = pair.run([
            harness.program("mailsh"), "--smtp-port", str(liar.port),
            "--pop3-port", str(pair.pop3_port)], script)
        text = (done.stdout + done.stderr).decode()
        assert not harness.FAULTS.search(text), text
        assert done.returncode == status, text
        assert not any(ord(c) < 0x20 and c not in "\n\t" or
                       0x7f <= ord(c) < 0xa0 for c in text), ascii(text)
