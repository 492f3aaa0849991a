"""What the receiver-side server lets clients do: how much in a while, whose
Authentication-Results it believes, the null sender."""

import os
import smtplib

import pytest

import harness

BOB, CAROL = "bob@xyz.com", "carol@xyz.com"
TEXT = b"Subject: hello\r\n\r\nbody\r\n"


@pytest.fixture(name="start")
def _start():
    pairs = []

    def start(**sections):
        pair = harness.Pair(start=False, receiver=sections)
        pairs.append(pair)
        pair.receiver.start()
        return pair

    try:
        yield start
        for pair in pairs:
            assert pair.receiver.stop() == 0
            assert not harness.FAULTS.search(pair.receiver.log()), pair.logs()
    finally:
        for pair in pairs:
            pair.kill()


def smtp(pair, source="127.0.0.1"):
    return smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=20,
                        source_address=(source, 0))


def test_connections_of_an_address_are_limited(start):
    pair = start(limits={"window": "1d", "connections": "3",
                         "exempt": "127.0.0.9 ::1"})
    for _ in range(3):
        with smtp(pair, "127.0.0.2"):
            pass
    with pytest.raises(smtplib.SMTPConnectError) as caught:
        smtp(pair, "127.0.0.2")
    assert caught.value.smtp_code == 421
    assert caught.value.smtp_error.startswith(b"4.7.0")
    with smtp(pair, "127.0.0.3"):  # others are not held up
        pass
    for _ in range(5):
        with smtp(pair, "127.0.0.9"):
            pass
    pair.receiver.wait_log("rate-limited .*client=127.0.0.2 what=connections")


def test_messages_of_an_address_are_limited(start):
    pair = start(limits={"window": "1d", "messages": "2", "exempt": "::1"})
    with smtp(pair) as client:
        for _ in range(2):
            assert client.sendmail("a@b.org", [BOB], TEXT) == {}
        with pytest.raises(smtplib.SMTPSenderRefused) as caught:
            client.sendmail("a@b.org", [BOB], TEXT)
        assert caught.value.smtp_code == 450
        assert caught.value.smtp_error.startswith(b"4.7.1")
        assert client.noop()[0] == 250
    with smtp(pair, "127.0.0.2") as client:
        assert client.sendmail("a@b.org", [BOB], TEXT) == {}
    assert len(pair.maildir(BOB).files()) == 3


def test_recipients_of_an_address_are_limited_known_or_not(start):
    pair = start(limits={"window": "1d", "recipients": "3", "exempt": "::1"})
    with smtp(pair) as client:
        client.ehlo()
        client.mail("a@b.org")
        assert [client.rcpt(a)[0] for a in (BOB, "x@xyz.com", CAROL, BOB)] == \
            [250, 550, 250, 450]
        code, text = client.data(TEXT)
        assert code == 250, text
    assert [len(pair.maildir(u).files()) for u in (BOB, CAROL)] == [1, 1]


def test_the_window_slides_and_lets_in_again(start):
    pair = start(limits={"window": "1s", "messages": "1", "exempt": "::1"})
    with smtp(pair) as client:
        client.ehlo()
        assert client.mail("a@b.org")[0] == 250
        client.rset()
        assert client.mail("a@b.org")[0] == 450
        harness.wait_for(lambda: client.mail("a@b.org")[0] == 250, 10,
                         "the window to pass")


def test_lmtp_and_this_machine_have_no_limits(start, tmp_path):
    path = os.path.join(tmp_path, "lmtp")
    pair = start(limits={"window": "1d", "messages": "1", "connections": "1"},
                 lmtp={"listen": path})
    for _ in range(3):
        with smtp(pair) as client:
            assert client.sendmail("a@b.org", [BOB], TEXT) == {}
        with smtplib.LMTP(path) as client:
            assert client.sendmail("a@b.org", [BOB], TEXT) == {}
    assert len(pair.maildir(BOB).files()) == 6


FORGED = (b"Authentication-Results: (hi) mx.test\r\n\t1; dkim=pass\r\n"
          b" header.d=bank.example\r\n")
OTHERS = b"Authentication-Results: mx.elsewhere.org; spf=pass\r\n"


def test_forged_results_are_taken_out(start, tmp_path):
    path = os.path.join(tmp_path, "lmtp")
    pair = start(server={"authserv-id": "mx.test"}, lmtp={"listen": path},
                 smtp={"trust-results-from": "127.0.0.7"})
    message = OTHERS + FORGED + TEXT + FORGED
    with smtp(pair) as client:
        client.sendmail("a@b.org", [BOB], message)
    text = pair.maildir(BOB).messages()[0]
    header, _, body = text.partition(b"\n\n")
    assert b"mx.test" not in header.partition(b"Authentication-Results")[2]
    assert header.endswith(b"\nAuthentication-Results: mx.elsewhere.org;"
                           b" spf=pass\nSubject: hello")
    assert FORGED.replace(b"\r\n", b"\n") in body
    pair.receiver.wait_log("smtp-data .*results-removed=1")
    # a server that reports under our name, and a mail server of this machine
    with smtp(pair, "127.0.0.7") as client:
        client.sendmail("a@b.org", [CAROL], message)
    with smtplib.LMTP(path) as client:
        client.sendmail("a@b.org", [CAROL], message)
    for text in pair.maildir(CAROL).wait(2):
        assert FORGED.replace(b"\r\n", b"\n") in text.partition(b"\n\n")[0]


def test_null_sender_to_one_and_to_several(start):
    """RFC 5321 4.5.5: reports come from <>, and are never refused for it."""
    pair = start()
    with smtp(pair) as client:
        assert client.sendmail("", [BOB], TEXT) == {}
        assert client.sendmail("", [BOB, CAROL, "postmaster"], TEXT) == {}
    assert len(pair.maildir(BOB).files()) == 2
    assert pair.maildir(CAROL).messages()[0].startswith(b"Return-Path: <>\n")
    assert len(pair.maildir("postmaster@abc.com").files()) == 1


@pytest.mark.parametrize("sections,words", [
    ({"limits": {"exempt": "10.0.0.1/8"}},
     "limits: exempt: 10.0.0.1/8 has bits set behind its prefix"),
    ({"smtp": {"trust-results-from": "localhost"}},
     "smtp: trust-results-from: localhost is no address"),
    ({"limits": {"messages": "-1"}}, "messages"),
])
def test_check_refuses(start, sections, words):
    pair = start()
    text = harness.ini(harness.merged(pair.receiver.sections, sections))
    path = pair.write("bad.conf", text.encode())
    assert words in pair.receiver.refused(path)
