"""Extensions of SMTP through both servers: chunks, UTF-8, limits."""

import smtplib

import harness
import pytest
from harness import Pair, Wire

ALICE, BOB, CAROL = "alice@abc.com", "bob@xyz.com", "carol@xyz.com"
LOGIN = b"AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0"


def chunks(text, size):
    """BDAT commands for the whole of text."""
    parts = [text[at:at + size] for at in range(0, len(text), size)] or [b""]
    return [b"BDAT %d%s\r\n%s" % (len(part), b" LAST" if n == len(parts) else b"",
                                 part) for n, part in enumerate(parts, 1)]


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
def test_a_message_in_chunks_arrives_byte_for_byte(size):
    body = b".\r\n..two\r\n" + b"x" * 2000 + b"\r\n.\r\n\xc3\xa9\r\nlast"
    if size > 1:
        body += b"\r\n" + b"0123456789\r\n" * 20000
    with Pair() as pair, Wire(pair.submission_port) as wire:
        wire.reply()
        wire.ask(b"EHLO c")
        assert wire.ask(LOGIN)[:3] == b"235"
        text = b"From: alice@abc.com\r\nSubject: chunks\r\n\r\n" + body
        sent = chunks(text, size)
        wire.send(b"MAIL FROM:<alice@abc.com> BODY=8BITMIME\r\n"
                  b"RCPT TO:<bob@xyz.com>\r\n" + b"".join(sent))
        for _ in range(2 + len(sent)):
            assert wire.reply()[:3] == b"250"
        got = pair.wait_message(BOB, "chunks").partition(b"\n\n")[2]
        assert got == body.replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n"


def test_a_connection_lost_within_a_chunk_leaves_nothing():
    with Pair() as pair:
        for port, login in ((pair.submission_port, True), (pair.smtp_port, False)):
            for reset in (False, True):
                wire = Wire(port)
                wire.reply()
                wire.ask(b"EHLO c")
                if login:
                    wire.ask(LOGIN)
                wire.ask(b"MAIL FROM:<alice@abc.com>")
                wire.ask(b"RCPT TO:<bob@xyz.com>")
                wire.ask(b"BDAT 20\r\nSubject: lost\r\n\r\nx\r")
                wire.send(b"BDAT 1000 LAST\r\nhalf")
                wire.close(reset)
        with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=30) as c:
            c.sendmail(ALICE, [BOB], "Subject: after\r\n\r\n")
        pair.wait_message(BOB, "after")
        assert len(pair.maildir(BOB).messages()) == 1
        harness.wait_for(lambda: not pair.left_in_tmp())
        assert not pair.waiting()


def test_chunks_and_addresses_go_on_as_they_came():
    """SMTPUTF8 through both: what is ASCII needs none of it."""
    users = {"j\u00f6rg@xyz.com": harness.PASSWORD}
    with Pair(users=users) as pair, \
            smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as c:
        c.ehlo()
        c.login(ALICE, harness.PASSWORD)
        # without SMTPUTF8: 553 5.6.7 (RFC 6531 3.5)
        c.mail(ALICE)
        c.command_encoding = "utf-8"
        assert c.docmd("RCPT TO:<j\u00f6rg@xyz.com>")[0] == 553
        c.rset()
        c.sendmail(ALICE, ["j\u00f6rg@xyz.com", BOB],
                   "Subject: gr\u00fc\u00dfe\r\n\r\nx\r\n".encode(),
                   ["SMTPUTF8", "BODY=8BITMIME"])
        text = harness.wait_for(lambda: pair.maildir(BOB).messages())[0]
        assert b" with UTF8SMTPA id " in text
        assert b" with UTF8SMTP id " in text
        c.sendmail(ALICE, [CAROL], b"Subject: ascii\r\n\r\nx\r\n", ["SMTPUTF8"])
        text = pair.wait_message(CAROL, "ascii")
        # RFC 6531 3.6: nothing in it needs it
        assert b" with ESMTP id " in text
        pair.wait_queue_empty()


def test_vrfy_and_expn_tell_nobody_who_there_is():
    with Pair() as pair:
        for port in (pair.submission_port, pair.smtp_port):
            with Wire(port) as wire:
                wire.reply()
                wire.ask(b"EHLO c")
                there = wire.ask(b"VRFY bob@xyz.com")
                assert there[:9] == b"252 2.5.2"
                assert wire.ask(b"VRFY nobody@xyz.com") == there
                assert wire.ask(b"EXPN postmaster")[:3] == b"502"
                assert wire.ask(b"HELP")[:3] == b"214"
