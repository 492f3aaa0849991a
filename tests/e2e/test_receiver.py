"""The receiver-side server by itself: whose mail it takes, and where it puts
it; mailboxes shared with other programs."""

import fcntl
import os
import poplib
import smtplib

import pytest

import harness

TEXT = b"From: a@elsewhere.org\r\nSubject: hello\r\n\r\n.dot\r\nbody\r\n"
BOB = "bob@xyz.com"
CAROL = "carol@xyz.com"
ALICE = "alice@abc.com"

ALIASES = {"sales": "bob@xyz.com carol@xyz.com",
           "info@abc.com": "sales@xyz.com alice@abc.com"}


@pytest.fixture(name="pair")
def _pair():
    pair = harness.Pair(start=False, receiver={"aliases": ALIASES})
    pair.receiver.start()
    try:
        yield pair
        assert pair.receiver.stop() == 0
        assert not harness.FAULTS.search(pair.receiver.log()), pair.logs()
    finally:
        pair.kill()


def smtp(pair):
    return smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=20)


def pop3(pair, user=BOB, port=None):
    client = poplib.POP3("127.0.0.1", port or pair.pop3_port, timeout=20)
    client.user(user)
    client.pass_(harness.PASSWORD)
    return client


def count(pair, user):
    return len(pair.maildir(user).files())


def rcpt(pair, address, sender="a@elsewhere.org", size=None):
    with smtp(pair) as client:
        client.ehlo("c")
        client.mail(sender, [] if size is None else ["SIZE=%d" % size])
        code, text = client.rcpt(address)
        return code, text.decode()


@pytest.mark.parametrize("address", [
    BOB, "Bob@XYZ.com", "bob+tag@xyz.com", "sales@abc.com", "sales+x@xyz.com",
    "postmaster", "Postmaster@abc.com", "postmaster@xyz.com"])
def test_takes_mail_for(pair, address):
    assert rcpt(pair, address)[0] == 250
    assert rcpt(pair, address, sender="")[0] == 250


@pytest.mark.parametrize("address,code,words", [
    ("nobody@xyz.com", 550, "5.1.1 <nobody@xyz.com>: User unknown"),
    ("bob@abc.com", 550, "5.1.1 <bob@abc.com>: User unknown"),
    ("nobody+bob@xyz.com", 550, "5.1.1 "),
    ("bob@other.org", 550, "5.7.1 "),
    ("bob%other.org@xyz.com", 550, "5.1.1 "),
    ("postmaster@other.org", 550, "5.7.1 "),
    ('"../bob"@xyz.com', 550, "5.1.1 "),
])
def test_refuses_mail_for(pair, address, code, words):
    got, text = rcpt(pair, address)
    assert (got, text[:len(words)]) == (code, words)


def test_asking_makes_no_mailbox(pair):
    rcpt(pair, BOB)
    assert not os.path.exists(pair.maildir(BOB).path)


def test_a_mailbox_gets_a_message_once(pair):
    with smtp(pair) as client:
        client.sendmail("a@elsewhere.org",
                        [BOB, "bob+x@xyz.com", "sales@xyz.com", "info@abc.com"],
                        TEXT)
    assert [count(pair, user) for user in (ALICE, BOB, CAROL)] == [1, 1, 1]
    assert pair.left_in_tmp() == []


def test_return_path_and_received_are_on_top(pair):
    with smtp(pair) as client:
        client.sendmail("A@elsewhere.org", [BOB], TEXT)
        client.sendmail("", [CAROL], TEXT)
    message = pair.maildir(BOB).messages()[0]
    assert message.startswith(b"Return-Path: <A@elsewhere.org>\nReceived: from ")
    assert message.endswith(TEXT.replace(b"\r\n", b"\n"))
    assert b"for <bob@xyz.com>" in message
    assert pair.maildir(CAROL).messages()[0].startswith(b"Return-Path: <>\n")


def test_quota_is_452_until_there_is_room(pair):
    pair.write_users("bob@xyz.com {PLAIN}secret quota=3K\n")
    pair.receiver.reload()
    harness.wait_for(lambda: rcpt(pair, BOB, size=4000)[0] == 452, 10,
                     "the quota to be known")
    assert rcpt(pair, BOB, size=4000)[1].startswith("4.2.2")
    with smtp(pair) as client:
        client.sendmail("a@elsewhere.org", [BOB], TEXT + b"x" * 900 + b"\r\n")
        client.sendmail("a@elsewhere.org", [BOB], TEXT + b"x" * 900 + b"\r\n")
    assert rcpt(pair, BOB)[0] == 250
    assert rcpt(pair, BOB, size=1000)[0] == 452
    client = pop3(pair)
    client.dele(1)
    client.quit()
    assert rcpt(pair, BOB, size=1000)[0] == 250


def test_mail_loop_is_554(pair):
    with smtp(pair) as client:
        with pytest.raises(smtplib.SMTPDataError) as caught:
            client.sendmail("a@elsewhere.org", [BOB],
                            b"Received: x\r\n" * 100 + TEXT)
        assert caught.value.smtp_code == 554
        assert caught.value.smtp_error.startswith(b"5.4.6")
    assert count(pair, BOB) == 0
    assert pair.left_in_tmp() == []


def test_aliases_file_and_the_rest_of_a_domain(pair):
    path = pair.write("aliases", b"team@xyz.com: bob@xyz.com\n carol@xyz.com\n")
    pair.receiver.sections["domains"]["aliases-file"] = path
    pair.receiver.reload()
    harness.wait_for(lambda: rcpt(pair, "team@xyz.com")[0] == 250, 10,
                     "the aliases file")
    with smtp(pair) as client:
        client.sendmail("a@elsewhere.org", ["team@xyz.com"], TEXT)
    assert [count(pair, user) for user in (BOB, CAROL)] == [1, 1]
    # a mistake changes nothing, and the log says where it is
    pair.write("aliases", b"@abc.com: alice@abc.com\nteam@xyz.com:\n")
    after = len(pair.receiver.log())
    pair.receiver.reload()
    pair.receiver.wait_log(r"aliases:2: team@xyz.com: no target", after=after)
    assert rcpt(pair, "team@xyz.com")[0] == 250
    assert rcpt(pair, "whoever@abc.com")[0] == 550
    pair.write("aliases", b"@abc.com: alice@abc.com\n")
    pair.receiver.reload()
    harness.wait_for(lambda: rcpt(pair, "whoever@abc.com")[0] == 250, 10,
                     "the rest of abc.com")
    assert rcpt(pair, "whoever@xyz.com")[0] == 550
    assert rcpt(pair, "team@xyz.com")[0] == 550


def test_reload_takes_over_domains_and_aliases(pair):
    assert rcpt(pair, "x@new.org")[0] == 550
    pair.write_users("x@new.org {PLAIN}secret\nbob@xyz.com {PLAIN}secret\n")
    pair.receiver.sections["domains"]["local"] = "xyz.com new.org"
    pair.receiver.sections["aliases"] = {"all": "bob@xyz.com x@new.org"}
    pair.receiver.reload()
    harness.wait_for(lambda: rcpt(pair, "x@new.org")[0] == 250, 10,
                     "the new domain")
    assert rcpt(pair, "all@xyz.com")[0] == 250
    assert rcpt(pair, ALICE)[1].startswith("5.7.1")


def test_maildrop_lock_holds_across_processes(pair):
    first = pop3(pair)
    with pytest.raises(poplib.error_proto) as caught:
        pop3(pair)
    assert b"[IN-USE]" in caught.value.args[0]
    first.quit()
    lock = os.path.join(pair.maildir(BOB).path, "postpair-pop3.lock")
    with open(lock, "r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(poplib.error_proto) as caught:
            pop3(pair)
        assert b"[IN-USE]" in caught.value.args[0]
    pop3(pair).quit()


def test_lock_dies_with_its_holder(pair):
    pop3(pair)
    pair.receiver.kill()
    pair.receiver.start()
    pop3(pair).quit()


def test_leftovers_of_a_kill_are_removed_at_start(pair):
    client = smtp(pair)
    client.ehlo("c")
    client.mail("a@elsewhere.org")
    client.rcpt(BOB)
    client.docmd("DATA")
    # more than is held in memory for the journal
    client.send(TEXT + (b"x" * 70 + b"\r\n") * 5000)
    harness.wait_for(lambda: len(pair.left_in_tmp()) == 1)
    pair.receiver.kill()
    assert len(pair.left_in_tmp()) == 1
    pair.receiver.start()
    assert pair.left_in_tmp() == []
    assert count(pair, BOB) == 0


def test_messages_of_other_programs_are_served(pair):
    with smtp(pair) as client:
        client.sendmail("a@elsewhere.org", [BOB], TEXT)
    folder = pair.maildir(BOB).path
    with open(os.path.join(folder, "cur", "17.foreign:2,F"), "wb") as f:
        f.write(b"Subject: crlf\r\n\r\none\r\n.two\r\nno end")
    client = pop3(pair)
    assert client.uidl(1) == b"+OK 1 17.foreign"
    text = b"Subject: crlf\r\n\r\none\r\n.two\r\nno end\r\n"
    assert client.list(1) == b"+OK 1 %d" % len(text)
    assert b"\r\n".join(client.retr(1)[1]) + b"\r\n" == text
    # a mail reader takes the other one to cur/ and marks it meanwhile
    name = os.path.basename(pair.maildir(BOB).files("new")[0])
    os.rename(os.path.join(folder, "new", name),
              os.path.join(folder, "cur", name + ":2,R"))
    assert b".dot" in client.retr(2)[1]
    client.quit()
    assert sorted(n.rpartition(":")[2]
                  for n in os.listdir(os.path.join(folder, "cur"))) == \
        ["2,FS", "2,RS"]


def test_mailboxes_on_two_file_systems(pair):
    """No link reaches from one to the other: the message is copied."""
    carol = pair.maildir(CAROL).path
    with harness.small_disk(carol, "1m"):
        with smtp(pair) as client:
            client.sendmail("a@elsewhere.org", [BOB, CAROL], TEXT)
            # full: nobody gets it
            with open(os.path.join(carol, "fill"), "wb", 0) as fill:
                with pytest.raises(OSError):
                    while True:
                        fill.write(b"x" * 4096)
            with pytest.raises(smtplib.SMTPDataError) as caught:
                client.sendmail("a@elsewhere.org", [BOB, CAROL], TEXT)
            assert caught.value.smtp_code == 452
        assert pair.left_in_tmp() == []
        assert pair.maildir(BOB).messages() == pair.maildir(CAROL).messages()
        assert count(pair, BOB) == 1


def test_ten_thousand_messages_are_listed_at_once(pair):
    new = os.path.join(pair.maildir(BOB).path, "new")
    for folder in ("tmp", "new", "cur"):
        os.makedirs(os.path.join(os.path.dirname(new), folder))
    for n in range(10000):
        with open(os.path.join(new, "%d.M1P1Q%d.h,S=2,W=3" % (n, n)), "wb") as f:
            f.write(b"x\n")
    client = pop3(pair)
    assert client.stat() == (10000, 30000)
    assert len(client.list()[1]) == 10000
    uidl = client.uidl()[1]
    assert uidl[9] == b"10 9.M1P1Q9.h"
    assert len(set(line.split()[1] for line in uidl)) == 10000
    client.quit()
