"""LMTP (RFC 2033) with others: our sender delivers to Dovecot, Postfix to our
receiver."""

import os
import smtplib
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dovecot  # noqa: E402
import neighbour  # noqa: E402
import postfix  # noqa: E402

harness = neighbour.harness

TEXT = (b"From: alice@abc.com\r\nTo: x\r\nSubject: %s\r\n\r\n"
        b".\r\n..dots\r\nbody\r\n")
STORED = b"\n\n.\n..dots\nbody\n"


def submit(pair, recipients, subject, text=TEXT):
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
        s.login("alice@abc.com", harness.PASSWORD)
        return s.sendmail("alice@abc.com", recipients, text % subject)


@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_our_sender_delivers_to_dovecot(way):
    users = ["bob@dovecot.example", "carol@dovecot.example"]
    with dovecot.Dovecot(users=users) as other:
        route = "lmtp:127.0.0.1:%d" % other.port if way == "tcp" else \
            "lmtp:" + other.socket
        with harness.Pair(routes={"dovecot.example": route}) as pair:
            assert submit(pair, users, b"both") == {}
            for user in users:
                stored, = other.mailbox_of(user).wait(1)
                assert stored.replace(b"\r\n", b"\n").endswith(STORED)
            # Dovecot knows its users, and says so when we verify
            with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
                submit(pair, ["nobody@dovecot.example"], b"none")
            code, text = caught.value.recipients["nobody@dovecot.example"]
            assert code == 550 and b"5.1.1" in text
            pair.wait_queue_empty()


def test_dovecot_refuses_one_of_two_after_the_data():
    """A verdict for each: the other has it once, the sender hears of the one."""
    users = ["bob@dovecot.example", "carol@dovecot.example"]
    quota = """
mail_plugins = quota
plugin {
  quota = count:User
  quota_vsizes = yes
}
"""
    with dovecot.Dovecot(users=users, more=quota) as other:
        # bob has room for 2 KiB
        other.write("users", "bob@dovecot.example:{PLAIN}x::::::"
                    "userdb_quota_rule=*:bytes=2K userdb_quota_grace=0\n"
                    "carol@dovecot.example:{PLAIN}x::::::\n")
        with harness.Pair(
                routes={"dovecot.example": "lmtp:" + other.socket}) as pair:
            text = TEXT + b"x" * 70 + b"\r\n" + b"more\r\n" * 2000
            with smtplib.SMTP("127.0.0.1", pair.submission_port,
                              timeout=30) as s:
                s.login("alice@abc.com", harness.PASSWORD)
                s.sendmail("alice@abc.com", users, text % b"big")
            stored, = other.mailbox_of("carol@dovecot.example").wait(1)
            assert b"Subject: big" in stored
            report = pair.maildir("alice@abc.com").wait(1)[0]
            assert b"Final-Recipient: rfc822; bob@dovecot.example" in report
            assert b"5.2.2" in report
            assert b"Final-Recipient: rfc822; carol" not in report
            pair.wait_queue_empty()
            assert other.mailbox_of("bob@dovecot.example").files() == []
            assert len(other.mailbox_of("carol@dovecot.example").files()) == 1


@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_postfix_delivers_to_our_receiver(way, tmp_path):
    path = os.path.join(tmp_path, "l")
    for directory in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        os.chmod(directory, 0o755)  # Postfix' client is another user
    with harness.Pair(sender=False, users={"full@xyz.com": "x"}, receiver={
            "lmtp": {"listen": "127.0.0.1:0 " + path, "socket-mode": "0666"},
            "store": {"over-quota": "refuse"}}) as pair:
        pair.write_users("bob@xyz.com {PLAIN}secret\n"
                         "full@xyz.com {PLAIN}secret quota=1K\n")
        pair.receiver.reload()
        hop = "lmtp:unix:" + path if way == "unix" else \
            ("lmtp", pair.receiver.ports["lmtp"])
        with postfix.Postfix(relay={"xyz.com": hop},
                             local=["far.example"]) as other:
            text = TEXT % b"by lmtp" + b"more\r\n" * 400
            other.submit("someone@far.example",
                         ["bob@xyz.com", "full@xyz.com"], text)
            stored, = pair.maildir("bob@xyz.com").wait(1)
            assert b" with LMTP id " in stored
            assert b"Return-Path: <someone@far.example>\n" in stored
            # its report on the one who had no room
            report, = other.wait_received(1)
            assert b"full@xyz.com" in report and b"552 5.2.2" in report
            assert b"<bob@xyz.com>" not in report.partition(b"Subject: by")[0]
            assert len(pair.maildir("bob@xyz.com").files()) == 1
            assert pair.maildir("full@xyz.com").files() == []
