"""What a message wants of TLS on its way (RFC 8689)."""

import contextlib
import re
import smtplib

import harness
import pytest
from certificates import Lab
from harness import Pair

ALICE, BOB = "alice@abc.com", "bob@xyz.com"


@pytest.fixture(name="lab")
def _lab():
    with Lab() as lab:
        yield lab


@contextlib.contextmanager
def client(lab, pair):
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as c:
        c.starttls(context=lab.client())
        c.ehlo()
        c.login(ALICE, harness.PASSWORD)
        yield c


def submit(c, subject, *options, header=""):
    assert c.mail(ALICE, options)[0] == 250
    assert c.rcpt(BOB)[0] == 250
    code, text = c.data("%sSubject: %s\r\n\r\nthe body\r\n" % (header, subject))
    assert code == 250, text
    return text.decode().split()[1]


def test_it_comes_back_at_once_when_the_next_hop_has_no_tls(lab):
    with Pair(sender={"tls": lab.section()}) as pair, client(lab, pair) as c:
        submit(c, "secret", "REQUIRETLS", "RET=FULL")
        report = harness.wait_for(lambda: pair.maildir(ALICE).messages())[0]
        assert b"TLS demanded by REQUIRETLS" in report
        assert b"Status: 5.7.10" in report
        assert b"Subject: secret" in report
        assert b"the body" not in report  # as with RET=HDRS (5)
        pair.wait_queue_empty()
        # what demands nothing goes there as ever, and alone
        submit(c, "open")
        pair.wait_message(BOB, "open")
        assert len(pair.maildir(BOB).messages()) == 1


def test_it_waits_where_there_was_tls_before(lab):
    with Pair(sender={"tls": lab.section(), "verify": {"enabled": "no"},
                      "queue": {"retry-min": "100ms"},
                      "relay": {"ca-file": lab.path("ca.crt"),
                                "idle-timeout": "0s"}},
              receiver={"tls": lab.section()}) as pair, \
            client(lab, pair) as c:
        submit(c, "first")
        pair.wait_message(BOB, "first")
        pair.receiver.keep_ports()
        pair.receiver.stop()
        tls, pair.receiver.sections["tls"] = pair.receiver.sections["tls"], {}
        pair.receiver.start()
        submit(c, "patient", "REQUIRETLS")
        pair.sender.wait_log(r"result=deferred .*reply=\"451 4.7.4 .*REQUIRETLS")
        pair.receiver.stop()
        pair.receiver.sections["tls"] = tls
        pair.receiver.start()
        pair.wait_message(BOB, "patient")


def test_it_goes_on_over_verified_tls_with_the_demand(lab):
    with lab.pair(sender={"relay": {"ca-file": lab.path("ca.crt")}}) as pair, \
            client(lab, pair) as c:
        id_ = submit(c, "protected", "REQUIRETLS")
        text = pair.wait_message(BOB, "protected")
        assert b" with ESMTPS id " in text
        pair.wait_queue_empty()
        # as the client said it, and again to the receiver
        said = pair.run([harness.program("postpair-admin"), "trail", id_,
                         "-c", pair.sender.config]).stdout.decode()
        assert len(re.findall(r"MAIL FROM:<alice@abc.com>.* REQUIRETLS",
                              said)) >= 1, said


def test_it_does_not_go_to_who_is_not_verified(lab):
    with Lab() as other, lab.pair(
            sender={"relay": {"ca-file": other.path("ca.crt")},
                    "queue": {"expiry": "1s"}}) as pair, client(lab, pair) as c:
        submit(c, "secret", "REQUIRETLS")
        report = harness.wait_for(lambda: pair.maildir(ALICE).messages())[0]
        assert b"REQUIRETLS" in report
        assert not pair.maildir(BOB).messages()
        submit(c, "no matter", header="TLS-Required: No\r\n")
        pair.wait_message(BOB, "no matter")


def test_the_wish_is_kept_with_the_message(lab):
    with Pair(sender={"tls": lab.section(), "queue": {"durability": "strict"},
                      "verify": {"enabled": "no"}}) as pair:
        pair.receiver.stop()
        for header, options, line in (
                ("", ["REQUIRETLS"], b"tls require"),
                ("TLS-Required: No\r\n", ["REQUIRETLS"], b"tls require"),
                ("tls-required: no\r\n", [], b"tls optional"),
                ("TLS-Required: No\r\nTLS-Required: No\r\n", [], None),
                ("TLS-Required: Yes\r\n", [], None),
                ("", [], None)):
            with client(lab, pair) as c:
                submit(c, "x", *options, header=header)
            (path,) = pair.queue()
            with open(path, "rb") as f:
                envelope = f.read().partition(b"\n\n")[0].splitlines()
            assert [x for x in envelope if x.startswith(b"tls ")] == \
                ([line] if line else [])
            done = pair.run([harness.program("postpair-admin"), "queue",
                             "remove", "--all", "-c", pair.sender.config])
            assert done.returncode == 0, done.stderr


def test_without_tls_it_is_not_offered(lab):
    with Pair(sender={"tls": lab.section()}) as pair, \
            smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as c:
        c.ehlo()
        assert not c.has_extn("requiretls")
        c.login(ALICE, harness.PASSWORD)
        assert c.mail(ALICE, ["REQUIRETLS"])[0] == 555
