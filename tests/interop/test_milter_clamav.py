"""ClamAV finds what it has a signature for in what reaches the receiver."""

import base64
import os
import smtplib
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import clamav  # noqa: E402
from milter_neighbour import harness  # noqa: E402

EVE, BOB = "eve@far.example", "bob@xyz.com"
MARKER = "a harmless line that this test calls infected"
ATTACHED = ("Subject: %s\r\nMIME-Version: 1.0\r\n"
            "Content-Type: application/octet-stream; name=x.bin\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\n%s\r\n")


def text(subject, content):
    return ATTACHED % (subject, base64.b64encode(content.encode()).decode())


def pair_behind(scanner):
    return harness.Pair(sender=False, receiver={
        "milters": {"virus": scanner.place}, "smtp": {"milters": "virus"}})


def give(pair, message):
    with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=30) as s:
        s.sendmail(EVE, [BOB], message)


def test_what_is_infected_is_refused_and_what_is_clean_marked():
    with clamav.ClamAv(MARKER) as scanner, pair_behind(scanner) as pair:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            give(pair, text("infected", "x" * 70000 + MARKER))
        assert refused.value.smtp_code // 100 == 5
        assert b"infected with Test.Marker" in refused.value.smtp_error
        # a mark that a stranger brings along is replaced
        give(pair, "X-Virus-Status: Infected (old)\r\n" +
             text("clean", "x" * 70000))
        stored = pair.wait_message(BOB, "clean")
        assert b"\nX-Virus-Status: Clean\n" in stored
        assert b"scanner.xyz.com" in stored
        assert b"(old)" not in stored
        assert len(pair.maildir(BOB).files()) == 1


def test_quarantine_puts_it_among_the_junk():
    with clamav.ClamAv(MARKER, infected="Quarantine") as scanner, \
            pair_behind(scanner) as pair:
        give(pair, text("kept apart", MARKER))
        junk = harness.Maildir(os.path.join(pair.maildir(BOB).path, ".Junk"))
        assert b"Subject: kept apart" in junk.wait(1)[0]
        assert pair.maildir(BOB).files() == []


def test_without_its_scanner_mail_waits_with_who_has_it():
    with clamav.ClamAv(MARKER) as scanner, pair_behind(scanner) as pair:
        scanner.clamd.stop()
        with pytest.raises(smtplib.SMTPDataError) as refused:
            give(pair, text("unseen", "clean"))
        assert refused.value.smtp_code // 100 == 4
        assert pair.maildir(BOB).files() == []
