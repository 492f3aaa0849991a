"""LMTP (RFC 2033) at the receiver-side server: over TCP and a unix socket, a
verdict for each recipient."""

import os
import smtplib
import socket
import stat
import tempfile

import pytest

import harness

TEXT = b"From: a@elsewhere.org\r\nSubject: hello\r\n\r\n.dot\r\nbody\r\n"
ALICE, BOB, CAROL = "alice@abc.com", "bob@xyz.com", "carol@xyz.com"


@pytest.fixture(name="pair")
def _pair():
    pair = harness.Pair(start=False, receiver={
        "aliases": {"team": "alice@abc.com bob@xyz.com"}})
    path = os.path.join(pair.directory, "lmtp")
    pair.receiver.sections["lmtp"] = {"listen": "127.0.0.1:0 " + path,
                                      "socket-mode": "0666"}
    pair.write_users("alice@abc.com {PLAIN}secret quota=4K\n"
                     "bob@xyz.com {PLAIN}secret\ncarol@xyz.com {PLAIN}secret\n")
    pair.receiver.start()
    pair.path = path
    try:
        yield pair
        assert pair.receiver.stop() == 0
        assert not harness.FAULTS.search(pair.receiver.log()), pair.logs()
    finally:
        pair.kill()


def send(wire, recipients, text=TEXT, mail=b"MAIL FROM:<a@elsewhere.org>"):
    """A transaction; the codes at RCPT and the replies after the data."""
    assert wire.ask(mail).startswith(b"250 ")
    codes = [wire.ask(b"RCPT TO:<%s>" % r.encode())[:3] for r in recipients]
    assert wire.ask(b"DATA").startswith(b"354 ")
    wire.send(text.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    return codes, [wire.reply() for code in codes if code == b"250"]


def hello(wire):
    assert wire.reply().startswith(b"220 localhost LMTP")
    assert wire.ask(b"LHLO mta.test").startswith(b"250")


@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_delivers_over(pair, way):
    where = pair.path if way == "unix" else pair.receiver.ports["lmtp"]
    with harness.Wire(where) as wire:
        hello(wire)
        codes, replies = send(wire, [BOB, "nobody@xyz.com", CAROL, BOB])
        assert codes == [b"250", b"550", b"250", b"250"]
        assert [r[:9] for r in replies] == [b"250 2.0.0"] * 3
        assert wire.ask(b"QUIT").startswith(b"221")
    for user in (BOB, CAROL):
        message, = pair.maildir(user).messages()
        assert message.startswith(b"Return-Path: <a@elsewhere.org>\n"
                                  b"Received: from mta.test")
        assert b" with LMTP id " in message
        assert message.endswith(TEXT.replace(b"\r\n", b"\n"))
        assert (b"([127.0.0.1])" in message) == (way == "tcp")
    assert pair.left_in_tmp() == []


def test_lmtp_client_of_python(pair):
    with smtplib.LMTP(pair.path) as client:
        assert client.sendmail("a@elsewhere.org", [BOB], TEXT) == {}
    assert len(pair.maildir(BOB).messages()) == 1


def test_full_mailbox_does_not_fail_the_others(pair):
    """No SIZE was said, so only the end of the message shows it."""
    big = TEXT + b"x\r\n" * 3000
    with harness.Wire(pair.path) as wire:
        hello(wire)
        codes, replies = send(wire, [BOB, ALICE, "team@xyz.com", CAROL], big)
        assert codes == [b"250"] * 4
        assert [r[:9] for r in replies] == [
            b"250 2.0.0", b"452 4.2.2", b"452 4.2.2", b"250 2.0.0"]
        # all of them full: no message stands anywhere
        codes, replies = send(wire, [ALICE, ALICE], big)
        assert [r[:9] for r in replies] == [b"452 4.2.2"] * 2
        codes, replies = send(wire, [ALICE])
        assert [r[:9] for r in replies] == [b"250 2.0.0"]
    assert [len(pair.maildir(u).files()) for u in (ALICE, BOB, CAROL)] == [1, 1, 1]
    assert pair.left_in_tmp() == []


def test_over_quota_is_552_where_so_configured(pair):
    pair.receiver.sections["store"] = {"over-quota": "refuse", "quota": "6K"}
    pair.receiver.restart()
    with harness.Wire(pair.path) as wire:
        hello(wire)
        _, replies = send(wire, [ALICE, BOB], TEXT + b"x\r\n" * 2000)
        assert [r[:9] for r in replies] == [b"552 5.2.2", b"250 2.0.0"]
        # the quota of those who have none of their own: 6K, LF line ends
        _, replies = send(wire, [BOB, CAROL], TEXT + b"x\r\n" * 2000)
        assert [r[:9] for r in replies] == [b"552 5.2.2", b"250 2.0.0"]
        assert wire.ask(b"MAIL FROM:<a@b.org> SIZE=9000")[:3] == b"250"
        assert wire.ask(b"RCPT TO:<bob@xyz.com>")[:9] == b"552 5.2.2"


def test_over_smtp_a_message_nobody_has_room_for_is_refused(pair):
    big = TEXT + b"x\r\n" * 3000
    with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=20) as client:
        client.ehlo_or_helo_if_needed()
        client.esmtp_features.pop("size")
        with pytest.raises(smtplib.SMTPDataError) as caught:
            client.sendmail("a@elsewhere.org", [ALICE], big)
        assert caught.value.smtp_code == 452
        assert caught.value.smtp_error.startswith(b"4.2.2")
        assert pair.maildir(ALICE).files() == []
        # one reply for two: who has room must not go without
        assert client.sendmail("a@elsewhere.org", [ALICE, BOB], big) == {}
        assert client.rcpt(ALICE)[0] == 503
        client.mail("a@elsewhere.org")
        assert client.rcpt(ALICE)[0] == 452
    assert [len(pair.maildir(u).files()) for u in (ALICE, BOB)] == [1, 1]


def test_delivery_id_is_stored_once(pair):
    mail = b"MAIL FROM:<a@elsewhere.org> XPOSTPAIRID=id.1"
    for where in (pair.path, pair.path):
        with harness.Wire(where) as wire:
            hello(wire)
            _, replies = send(wire, [BOB], mail=mail)
            assert replies[0][:3] == b"250"
    assert len(pair.maildir(BOB).files()) == 1


def test_a_client_that_dies_leaves_nothing(pair):
    for part in (b"", TEXT, TEXT + b"."):
        with harness.Wire(pair.path) as wire:
            hello(wire)
            wire.ask(b"MAIL FROM:<a@elsewhere.org>")
            wire.ask(b"RCPT TO:<bob@xyz.com>")
            wire.ask(b"DATA")
            wire.send(part)
    harness.wait_for(lambda: pair.left_in_tmp() == [], 10, "an empty tmp")
    assert pair.maildir(BOB).files() == []


def test_socket_is_gone_at_the_end_and_made_anew_after_a_crash(pair):
    assert stat.S_IMODE(os.stat(pair.path).st_mode) == 0o666
    pair.receiver.stop()
    assert not os.path.exists(pair.path)
    pair.receiver.start()
    pair.receiver.kill()
    assert os.path.exists(pair.path)
    pair.receiver.start()
    with smtplib.LMTP(pair.path) as client:
        assert client.sendmail("a@elsewhere.org", [BOB], TEXT) == {}


@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_sender_delivers_by_lmtp(way):
    """One of two has no room: the other has the message, the client a report
    about the one."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "lmtp")
        pair = harness.Pair(start=False, receiver={
            "lmtp": {"listen": "127.0.0.1:0 " + path},
            "store": {"over-quota": "refuse"}})
        pair.write_users("alice@abc.com {PLAIN}secret send-as=@elsewhere.org\n"
                         "bob@xyz.com {PLAIN}secret quota=4K\n"
                         "carol@xyz.com {PLAIN}secret\n")
        pair.receiver.start()
        route = "lmtp:" + path if way == "unix" else \
            "lmtp:127.0.0.1:%d" % pair.receiver.ports["lmtp"]
        pair.sender.sections["routes"] = {"abc.com": route, "xyz.com": route}
        pair.sender.start()
        with pair:
            with smtplib.SMTP("127.0.0.1", pair.submission_port,
                              timeout=20) as client:
                client.login(ALICE, harness.PASSWORD)
                code, text = client.mail(ALICE), client.rcpt("nobody@xyz.com")
                assert code[0] == 250 and text[0] == 550
                client.rset()
                client.ehlo_or_helo_if_needed()
                client.esmtp_features.pop("size")
                client.sendmail(ALICE, [BOB, CAROL], TEXT + b"x\r\n" * 3000)
            assert b" with LMTP id " in pair.maildir(CAROL).wait(1)[0]
            report = pair.maildir(ALICE).wait(1)[0]
            assert b"552 5.2.2 mailbox full" in report
            assert b"carol" not in report.partition(b"Subject: hello")[0]
            pair.wait_queue_empty()
            assert pair.maildir(BOB).files() == []
            assert len(pair.maildir(CAROL).files()) == 1


@pytest.mark.parametrize("listen,words", [
    ("127.0.0.1:25", "must not be on port 25"),
    ("127.0.0.1", "is not HOST:PORT"),
])
def test_check_refuses(pair, listen, words):
    pair.receiver.sections["lmtp"]["listen"] = listen
    path = pair.write("bad.conf", harness.ini(pair.receiver.sections).encode())
    assert words in pair.receiver.refused(path)


def test_what_is_no_socket_is_not_overwritten(pair):
    pair.receiver.stop()
    pair.write("lmtp", b"precious")
    with pytest.raises(AssertionError, match="no socket"):
        pair.receiver.start()
    with open(pair.path, "rb") as f:
        assert f.read() == b"precious"
    pair.receiver.process = None


def test_a_live_socket_is_not_taken_over(pair):
    pair.receiver.stop()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(pair.path)
        other.listen(1)
        with pytest.raises(AssertionError, match="somebody listens"):
            pair.receiver.start()
    pair.receiver.process = None
