"""OpenDKIM signs what leaves the sender and verifies what reaches the
receiver; a second implementation of DKIM (dkimpy) agrees."""

import os
import re
import smtplib
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import milter_neighbour  # noqa: E402
import opendkim  # noqa: E402
from milter_neighbour import harness  # noqa: E402

ALICE, BOB = "alice@abc.com", "bob@xyz.com"
BARE = "Subject: %s\r\nTo: bob@xyz.com\r\n\r\nhello\r\n.leading dot\r\n\r\n\r\n"


@pytest.fixture
def key(tmp_path):
    return milter_neighbour.Key(str(tmp_path), "abc.com")


def signing_pair(signer, verifier):
    return harness.Pair(
        sender={"milters": {"dkim": signer.place},
                "submission": {"milters": "dkim"}},
        receiver={"milters": {"check": verifier.place},
                  "smtp": {"milters": "check"}})


def submit(pair, text):
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
        s.login(ALICE, harness.PASSWORD)
        s.sendmail(ALICE, [BOB], text)


def on_the_wire(stored):
    return stored.replace(b"\n", b"\r\n")


def test_signed_on_the_way_out_and_verified_on_the_way_in(key):
    pytest.importorskip("dkim")
    with opendkim.OpenDkim("s", key) as signer, \
            opendkim.OpenDkim("v", key) as verifier, \
            signing_pair(signer, verifier) as pair:
        submit(pair, BARE % "signed")
        stored = pair.wait_message(BOB, "signed")
        head = stored.partition(b"\n\n")[0]
        assert b"\nDKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=abc.com" \
            in head
        # the Date that the sender has added is signed too
        signed = re.search(rb"\th=([\w:\n\t -]+);", head).group(1).lower()
        assert b"date" in signed
        assert re.search(rb"^Authentication-Results: mx\.xyz\.com;\n"
                         rb"\s+dkim=pass .*header\.d=abc\.com", head, re.M)
        # the result stands above the Received line of who checked it
        assert head.index(b"Authentication-Results:") < head.index(b"Received:")
        assert key.verifies(on_the_wire(stored))


def test_a_message_that_was_changed_fails(key):
    with opendkim.OpenDkim("s", key) as signer, \
            opendkim.OpenDkim("v", key) as verifier, \
            signing_pair(signer, verifier) as pair:
        submit(pair, BARE % "first")
        stored = on_the_wire(pair.wait_message(BOB, "first"))
        head, _, body = stored.partition(b"\r\n\r\n")
        # what the first delivery put on top goes; what was signed stays
        at = head.index(b"DKIM-Signature:")
        for subject, text in (("Subject: first", body),
                              ("Subject: second", body + b"more\r\n")):
            with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=30) as s:
                s.sendmail(ALICE, [BOB], b"\r\n\r\n".join([
                    head[at:].replace(b"Subject: first", subject.encode()),
                    text]))
        harness.wait_for(lambda: len(pair.maildir(BOB).files()) == 3)
        results = sorted(
            re.search(rb"^Authentication-Results:[^=]*dkim=(\w+)", m, re.M)
            .group(1) for m in pair.maildir(BOB).messages())
        assert results == [b"fail", b"pass", b"pass"]


def test_a_result_that_a_stranger_brings_along_does_not_stay(key):
    forged = "Authentication-Results: mx.xyz.com; dkim=pass header.d=bank.example"
    with opendkim.OpenDkim("v", key) as verifier, harness.Pair(
            sender=False, receiver={
                "milters": {"check": verifier.place},
                "server": {"authserv-id": "mx.xyz.com"},
                "smtp": {"milters": "check"}}) as pair:
        with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=30) as s:
            s.sendmail(ALICE, [BOB], forged + "\r\nFrom: x@bank.example\r\n" +
                       BARE % "forged")
        stored = pair.wait_message(BOB, "forged")
        assert b"bank.example" not in b"".join(
            re.findall(rb"^Authentication-Results:.*(?:\n\s.*)*", stored, re.M))
        assert stored.count(b"\nAuthentication-Results: mx.xyz.com;") == 1
