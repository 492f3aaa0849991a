"""The pair beside other people's servers: as their next hop, and as their
source, with bodies that must arrive byte for byte."""

import os
import smtplib
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import exim  # noqa: E402
import neighbour  # noqa: E402
import opensmtpd  # noqa: E402
import postfix  # noqa: E402

harness = neighbour.harness

NEIGHBOURS = [exim.Exim, opensmtpd.OpenSMTPD, postfix.Postfix]
BODIES = {
    "dots": "\r\n.\r\n..\r\n.x\r\n",
    "latin": "gr\u00fc\u00dfe \u2713\r\n",
    "long": "x" * 990 + "\r\n",
    "empty": "",
}


def message(name, recipient):
    text = ("From: alice@abc.com\r\nTo: %s\r\nSubject: %s\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: 8bit\r\n\r\n" % (recipient, name))
    return (text + BODIES[name]).encode()


def body(stored):
    """What stands behind the header, with the line ends of the wire."""
    text = stored.replace(b"\r\n", b"\n")
    return text.split(b"\n\n", 1)[1].replace(b"\n", b"\r\n") \
        if b"\n\n" in text else b""


def subject(stored):
    for line in stored.splitlines():
        if line.lower().startswith(b"subject: "):
            return line[9:].decode()
    raise AssertionError("no subject in %r" % stored)


def bodies(stored):
    return {subject(one): body(one) for one in stored}


EXPECTED = {name: text.encode() for name, text in BODIES.items()}


@pytest.mark.parametrize("kind", NEIGHBOURS, ids=lambda k: k.name)
def test_takes_our_mail_as_next_hop(kind):
    with kind(local=["next.example"]) as other, \
            harness.Pair(routes={"next.example":
                                 "127.0.0.1:%d" % other.port}) as pair:
        with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
            s.login("alice@abc.com", harness.PASSWORD)
            for name in BODIES:
                s.sendmail("alice@abc.com", ["someone@next.example"],
                           message(name, "someone@next.example"),
                           ["BODY=8BITMIME"])
        assert bodies(other.wait_received(len(BODIES))) == EXPECTED


@pytest.mark.parametrize("kind", NEIGHBOURS, ids=lambda k: k.name)
def test_gives_its_mail_to_our_receiver(kind):
    with harness.Pair(sender=False) as pair, \
            kind(relay={"xyz.com": ("smtp", pair.smtp_port)}) as other:
        for name in BODIES:
            other.submit("someone@far.example", ["bob@xyz.com"],
                         message(name, "bob@xyz.com"))
        assert bodies(pair.maildir("bob@xyz.com").wait(len(BODIES), 30)) \
            == EXPECTED
