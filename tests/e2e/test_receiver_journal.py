"""The receiver-side server's journal: what a 250 is worth, and once only."""

import collections
import contextlib
import os
import poplib
import re
import smtplib
import threading

import pytest

import harness

BOB, CAROL = "bob@xyz.com", "carol@xyz.com"
TEXT = b"From: a@elsewhere.org\r\nSubject: hello\r\n\r\nbody\r\n"
NAME = re.compile(rb"^X-Name: (\S+)$", re.M)


@contextlib.contextmanager
def running(durability, **more):
    store = {"durability": durability, "journal-message-max": "16K", **more}
    pair = harness.Pair(start=False, receiver={"store": store})
    pair.receiver.start()
    try:
        yield pair
        assert pair.receiver.stop() == 0
        assert not harness.FAULTS.search(pair.receiver.log()), pair.logs()
    finally:
        pair.kill()


@pytest.fixture(name="pair", params=["journal", "strict"])
def _pair(request):
    with running(request.param) as pair:
        yield pair


def pop3(pair, user=BOB):
    client = poplib.POP3("127.0.0.1", pair.pop3_port, timeout=20)
    client.user(user)
    client.pass_(harness.PASSWORD)
    return client


def deliver(pair, recipients, text=TEXT, delivery_id=None, source=None):
    """One message; the reply to its end."""
    with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=20,
                      source_address=source) as client:
        client.ehlo("c")
        client.mail("a@elsewhere.org",
                    ["XPOSTPAIRID=" + delivery_id] if delivery_id else [])
        for recipient in recipients:
            assert client.rcpt(recipient)[0] == 250
        return client.data(text)


def count(pair, user):
    return len(pair.maildir(user).files())


def test_mail_is_stored_read_and_deleted(pair):
    assert deliver(pair, [BOB, CAROL])[0] == 250
    assert deliver(pair, [BOB], TEXT + b"x" * 70 + b"\r\n")[0] == 250
    large = TEXT + (b"y" * 70 + b"\r\n") * 1000
    assert deliver(pair, [BOB, CAROL], large)[0] == 250
    assert (count(pair, BOB), count(pair, CAROL)) == (3, 2)
    assert pair.left_in_tmp() == []
    client = pop3(pair)
    client.dele(1)
    client.quit()
    pair.receiver.kill()
    pair.receiver.start()
    assert (count(pair, BOB), count(pair, CAROL)) == (2, 2)
    for text in pair.maildir(CAROL).messages():
        assert b"\nSubject: hello\n\nbody\n" in text


def test_a_delivery_id_is_stored_once(pair):
    assert deliver(pair, [BOB], delivery_id="m1")[0] == 250
    assert deliver(pair, [BOB, CAROL], delivery_id="m1")[0] == 250
    assert deliver(pair, [BOB, CAROL], delivery_id="m2")[0] == 250
    assert (count(pair, BOB), count(pair, CAROL)) == (2, 2)
    for end in (pair.receiver.kill, pair.receiver.stop):
        end()
        pair.receiver.start()
        assert deliver(pair, [BOB, CAROL], delivery_id="m1")[0] == 250
        assert deliver(pair, [CAROL], delivery_id="m2")[0] == 250
        assert (count(pair, BOB), count(pair, CAROL)) == (2, 2)


def test_a_lost_reply_does_not_double(pair):
    """The connection ends between end of data and the 250."""
    for large in (b"", b"y" * 70000 + b"\r\n"):
        before = count(pair, BOB)
        name = "lost-%d" % len(large)
        wire = harness.Wire(pair.smtp_port)
        wire.reply()
        for command in (b"EHLO c", b"MAIL FROM:<a@b.org> XPOSTPAIRID=" +
                        name.encode(), b"RCPT TO:<bob@xyz.com>", b"DATA"):
            assert wire.ask(command)[:1] in (b"2", b"3")
        wire.send(TEXT + large.replace(b"yy", b"\r\n") + b".\r\n")
        wire.close(reset=True)
        harness.wait_for(
            lambda: deliver(pair, [BOB], delivery_id=name)[0] == 250)
        assert count(pair, BOB) == before + 1


def test_an_id_is_bound_to_no_address(pair):
    """A sender with several addresses (two families, NAT) is one sender."""
    assert deliver(pair, [BOB], delivery_id="m1",
                   source=("127.0.0.2", 0))[0] == 250
    assert deliver(pair, [BOB], delivery_id="m1")[0] == 250
    assert count(pair, BOB) == 1


def test_a_stranger_is_not_believed():
    """Who learns an id could swallow its message: only this machine and those
    of delivery-ids-from may name one."""
    with harness.Pair(receiver={"smtp": {
            "xclient-from": "127.0.0.0/8",
            "delivery-ids-from": "192.0.2.0/25 2001:db8::/64"}}) as pair:
        for address, believed in (
                ("192.0.2.7", True), ("192.0.2.200", False),
                ("127.0.0.9", True), ("IPV6:2001:db8::9", True),
                ("IPV6:2001:db8:1::9", False), ("IPV6:::1", True)):
            with smtplib.SMTP("127.0.0.1", pair.smtp_port) as client:
                client.ehlo("c")
                assert client.docmd("XCLIENT ADDR=" + address)[0] == 220
                client.ehlo("c")
                assert client.has_extn("xpostpairid") == believed
                code, _ = client.mail("a@b.org", ["XPOSTPAIRID=m1"])
                assert code == (250 if believed else 555), address


def test_a_memory_of_ids_that_fills_is_warned_of_in_time():
    with harness.Pair(receiver={"store": {
            "delivery-ids-max": "1000",
            "checkpoint-interval": "100ms"}}) as pair:
        with smtplib.SMTP("127.0.0.1", pair.smtp_port) as client:
            client.ehlo("c")
            for n in range(375):
                client.mail("a@b.org", ["XPOSTPAIRID=i%d" % n])
                client.rcpt(BOB)
                client.rcpt(CAROL)
                assert client.data(TEXT)[0] == 250
        pair.receiver.wait_log(r"delivery-ids-filling ids=750 most=1000")
        assert "delivery-ids-forgotten" not in pair.receiver.log()


def test_ids_are_offered_unless_switched_off():
    for setting, offered in (("yes", True), ("no", False)):
        pair = harness.Pair(start=False,
                            receiver={"smtp": {"delivery-ids": setting}})
        pair.receiver.start()
        try:
            with smtplib.SMTP("127.0.0.1", pair.smtp_port) as client:
                client.ehlo("c")
                assert client.has_extn("xpostpairid") == offered
                code, _ = client.mail("a@b.org", ["XPOSTPAIRID=m1"])
                assert code == (250 if offered else 555)
        finally:
            pair.kill()


def test_a_second_server_is_refused(pair):
    other = harness.Server("postpair-receiver", pair.directory + "/other",
                           harness.merged(pair.receiver.sections, {
                               "server": {"data-dir": pair.directory + "/d",
                                          "ports-file": None}}))
    os.mkdir(other.directory)
    with pytest.raises(AssertionError) as caught:
        other.start()
    assert "in use by another server" in str(caught.value)
    assert deliver(pair, [BOB])[0] == 250


def test_no_room_for_the_journal():
    """452 while the disk is full; what has room again is taken."""
    pair = harness.Pair(start=False, receiver={
        "store": {"durability": "journal"}})
    disk = pair.directory + "/disk"
    pair.receiver.sections["server"]["data-dir"] = disk + "/data"
    try:
        with harness.small_disk(disk, "20m"):
            pair.receiver.start()
            with open(disk + "/fill", "wb", 0) as fill:
                with pytest.raises(OSError):
                    while True:
                        fill.write(b"x" * 4096)
            for _ in range(2):
                code, text = deliver(pair, [BOB])
                assert code == 452 and text.startswith(b"4.3.1")
            assert count(pair, BOB) == 0 and pair.left_in_tmp() == []
            os.unlink(disk + "/fill")
            # found out within a second
            harness.wait_for(lambda: deliver(pair, [BOB])[0] == 250)
            assert count(pair, BOB) == 1
            assert pair.receiver.stop() == 0
    finally:
        pair.kill()


def test_a_small_disk_and_many_starts():
    """Room for two segments: what a start finds released takes mail again."""
    pair = harness.Pair(start=False, receiver={
        "store": {"durability": "journal"}})
    disk = pair.directory + "/disk"
    pair.receiver.sections["server"]["data-dir"] = disk + "/data"
    try:
        with harness.small_disk(disk, "20m"):
            for start in range(5):
                pair.receiver.start()
                assert deliver(pair, [BOB])[0] == 250, start
                assert pair.receiver.stop() == 0
            assert count(pair, BOB) == 5
    finally:
        pair.kill()


def test_a_full_journal_and_a_kill():
    """The start places all, releases it without room for a new segment, and
    mail is taken again."""
    pair = harness.Pair(start=False, receiver={
        "store": {"durability": "journal", "checkpoint-size": "64M",
                  "checkpoint-interval": "1h"}})
    disk = pair.directory + "/disk"
    pair.receiver.sections["server"]["data-dir"] = disk + "/data"
    text = b"Subject: s\r\n\r\n" + b"body\r\n" * 30000
    try:
        with harness.small_disk(disk, "20m"):
            pair.receiver.start()
            n = 0
            while deliver(pair, [BOB], text)[0] == 250:
                n += 1
            assert n > 50
            pair.receiver.kill()
            pair.receiver.start()
            assert count(pair, BOB) == n
            assert "recovery-not-settled" not in pair.receiver.log()
            assert deliver(pair, [BOB], text)[0] == 250
            assert pair.receiver.stop() == 0
    finally:
        pair.kill()


class Load:
    """Clients that deliver as fast as they can; `said` was answered 250."""

    def __init__(self, pair, clients, prefix):
        self.port = pair.smtp_port
        self.said, self.tried = set(), set()
        self.lock = threading.Lock()
        self.threads = [
            threading.Thread(target=self.run, args=("%s-%d" % (prefix, i),))
            for i in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self, who):
        with contextlib.suppress(OSError, smtplib.SMTPException):
            with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as client:
                client.ehlo("c")
                for n in range(100000):
                    name = "%s-%d" % (who, n)
                    size = 40000 if n % 10 == 9 else 500
                    text = b"X-Name: %s\r\n\r\n" % name.encode() + \
                        b"body\r\n" * (size // 6)
                    with self.lock:
                        self.tried.add(name)
                    client.mail("a@b.org", ["XPOSTPAIRID=" + name])
                    client.rcpt(BOB)
                    client.rcpt(CAROL)
                    if client.data(text)[0] == 250:
                        with self.lock:
                            self.said.add(name)

    def join(self):
        for thread in self.threads:
            thread.join()


def names(pair, user):
    found = collections.Counter()
    for text in pair.maildir(user).messages():
        name = NAME.search(text)
        assert name is not None and text.endswith(b"body\n"), text[-100:]
        found[name.group(1).decode()] += 1
    return found


@pytest.mark.parametrize("durability", ["journal", "strict"])
@pytest.mark.deadline(120)
def test_kill_under_load(durability):
    """kill -9 in the middle, again and again; then each client sends once
    more what it had no answer for: every message once in every mailbox."""
    with running(durability, **{"checkpoint-size": "128K"}) as pair:
        pair.receiver.sections["server"]["log-level"] = "warn"
        said, tried = set(), set()
        for turn in range(4):
            load = Load(pair, 6, "t%d" % turn)
            harness.wait_for(lambda: len(load.said) > 60 * (turn + 1), 60)
            pair.receiver.kill()
            load.join()
            said |= load.said
            tried |= load.tried
            pair.receiver.start()
            for user in (BOB, CAROL):
                found = names(pair, user)
                assert not said - set(found)
                assert max(found.values()) == 1
        for name in tried - said:
            assert deliver(pair, [BOB, CAROL],
                           b"X-Name: %s\r\n\r\nbody\r\n" % name.encode(),
                           delivery_id=name)[0] == 250
        for user in (BOB, CAROL):
            assert names(pair, user) == collections.Counter(tried)
        assert pair.left_in_tmp() == []
