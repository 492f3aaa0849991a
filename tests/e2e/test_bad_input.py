"""Bad input that takes whole servers to meet: crowds, full disks, silence,
wrong files, and peers that go away."""

import contextlib
import os
import poplib
import re
import smtplib

import harness
import pytest
from harness import Wire

ALICE, BOB = "alice@abc.com", "bob@xyz.com"
TEXT = b"From: alice@abc.com\r\nTo: bob@xyz.com\r\nSubject: cut\r\n\r\nbody\r\n"


def deliver(pair, text=TEXT):
    with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=30) as s:
        s.sendmail(ALICE, [BOB], text)


def submit(pair, text=TEXT):
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
        s.login(ALICE, harness.PASSWORD)
        s.sendmail(ALICE, [BOB], text)


# ---- crowds and silence ------------------------------------------------------

@pytest.mark.parametrize("service", ["submission", "smtp", "pop3"])
def test_one_client_too_many_is_told_so(service):
    over = {service: {"max-clients": "3"}}
    with harness.Pair(
            **{"sender" if service == "submission" else "receiver": over}) as pair:
        port = {**pair.sender.ports, **pair.receiver.ports}[service]
        hello = b"+OK" if service == "pop3" else b"220"
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                client = stack.enter_context(Wire(port))
                assert client.line().startswith(hello)
            with Wire(port) as fourth:
                answer = fourth.line()
                assert answer.startswith(
                    b"-ERR" if service == "pop3" else b"421 4."), answer
                assert fourth.line() == b""
        # the places are free again once they have gone

        def welcome():
            with Wire(port) as client:
                return client.line().startswith(hello)
        harness.wait_for(welcome, 10, "a free place")


def test_the_101st_recipient_waits_for_the_next_transaction():
    with harness.Pair() as pair:
        for port in (pair.smtp_port, pair.submission_port):
            with smtplib.SMTP("127.0.0.1", port, timeout=30) as s:
                s.ehlo()
                if port == pair.submission_port:
                    s.login(ALICE, harness.PASSWORD)
                s.mail(ALICE)
                said = [s.rcpt("bob+%d@xyz.com" % n) for n in range(102)]
                assert [code for code, _ in said] == [250] * 100 + [452] * 2
                assert said[100][1].startswith(b"4.5.3")
                assert s.data(TEXT)[0] == 250


def test_silent_client_is_sent_away():
    short = {"idle-timeout": "300ms"}
    with harness.Pair(sender={"submission": short},
                      receiver={"smtp": short, "pop3": short}) as pair:
        for port in (pair.submission_port, pair.smtp_port):
            with Wire(port) as client:
                assert client.line().startswith(b"220")
                assert client.line().startswith(b"421 4.4.2")
                assert client.line() == b""
        with Wire(pair.pop3_port) as client:
            assert client.line().startswith(b"+OK")
            # RFC 1939 3: closed without a word, or with one
            assert client.line()[:4] in (b"", b"-ERR")


STRANGER = b"PROXY TCP4 192.0.2.7 127.0.0.1 40000 25\r\n"


def test_early_talker_is_sent_away():
    with harness.Pair(receiver={"smtp": {"greet-pause": "30s",
                                         "proxy-from": "127.0.0.1"}}) as pair:
        with Wire(pair.smtp_port) as client:
            client.send(STRANGER + b"EHLO early.example\r\n")
            assert re.match(rb"(421|554) ", client.line())
            assert client.line() == b""


def test_own_servers_and_this_machine_are_greeted_at_once():
    with harness.Pair(
            sender={"submission": {"greet-pause": "5m"}},
            receiver={"smtp": {"greet-pause": "5m", "proxy-from": "127.0.0.1"},
                      "limits": {"exempt": "192.0.2.0/24"}}) as pair:
        here = STRANGER.replace(b"192.0.2.7", b"127.0.0.1")
        for port, hello in ((pair.smtp_port, STRANGER), (pair.smtp_port, here),
                            (pair.submission_port, b"")):
            with Wire(port) as client:
                client.send(hello + b"EHLO own.example\r\n")
                assert client.line().startswith(b"220 ")


def test_two_from_fields_from_another_server_are_taken_as_they_came():
    text = b"From: a@abc.com\r\nfrom: b@abc.com\r\nSubject: two\r\n\r\nx\r\n"
    with harness.Pair(sender=False) as pair:
        deliver(pair, text)
        assert text.replace(b"\r\n", b"\n") in pair.wait_message(
            BOB, "two").replace(b"\r\n", b"\n")


# ---- size and disk -----------------------------------------------------------

def test_over_size_is_552_at_mail_and_at_data():
    with harness.Pair(receiver={"smtp": {"size-max": "64K"}}) as pair:
        with Wire(pair.smtp_port) as c:
            c.reply()
            assert b"SIZE 65536" in c.ask(b"EHLO x.example")
            assert c.ask(b"MAIL FROM:<> SIZE=65537").startswith(b"552 5.3.4")
            c.ask(b"MAIL FROM:<>")
            c.ask(b"RCPT TO:<bob@xyz.com>")
            assert c.ask(b"DATA").startswith(b"354")
            c.send((b"x" * 98 + b"\r\n") * 700)
            assert c.ask(b".").startswith(b"552 5.3.4")
            assert c.ask(b"NOOP").startswith(b"250"), "the session goes on"
        assert pair.maildir(BOB).files() == []
        assert pair.left_in_tmp() == []


def fill(path):
    """Until there is no room."""
    with open(path, "wb", 0) as f, pytest.raises(OSError):
        while True:
            f.write(b"x" * 4096)


def test_the_sender_starts_on_a_full_disk():
    """What its journal holds goes out from memory, and gets files when there
    is room again."""
    pair = harness.Pair(start=False, sender={
        "queue": {"retry-min": "100ms", "retry-max": "200ms",
                  "checkpoint": "100ms"}})
    disk = os.path.join(pair.directory, "disk")
    pair.sender.sections["server"]["data-dir"] = disk + "/data"
    port, held = harness.closed_port()
    pair.sender.sections["routes"] = {"xyz.com": "127.0.0.1:%d" % port}
    subjects = ["m%d" % n for n in range(5)]
    try:
        with harness.small_disk(disk, "20m"):
            # nobody is there yet: all wait; killed before a checkpoint
            pair.sender.sections["queue"]["checkpoint"] = "1h"
            pair.sender.start()
            for subject in subjects:
                submit(pair, b"Subject: %s\r\n\r\n%s\r\n" % (
                    subject.encode(), b"0123456789" * 80))
            pair.sender.kill()
            pair.sender.sections["queue"]["checkpoint"] = "100ms"
            fill(disk + "/fill")
            for _ in range(2):  # and is killed again
                pair.sender.start()
                pair.sender.wait_log("queue-no-room")
                assert len(pair.waiting()) == len(subjects)
                pair.sender.kill()
            held.close()
            pair.receiver.start()
            pair.sender.sections["routes"] = {
                "xyz.com": "127.0.0.1:%d" % pair.smtp_port}
            pair.sender.start()
            assert len(pair.maildir(BOB).wait(5)) == 5
            os.unlink(disk + "/fill")
            assert pair.sender.stop() == 0
            pair.sender.start()
            pair.wait_queue_empty()
            assert len(pair.maildir(BOB).files()) == 5
            assert not harness.FAULTS.search(pair.sender.log())
            pair.sender.stop()
    finally:
        pair.kill()


@pytest.mark.parametrize("side", ["receiver", "sender"])
def test_full_disk_is_452_and_the_server_lives(side):
    # a journal wants more room: test_receiver_journal.py
    pair = harness.Pair(start=False,
                        receiver={"store": {"durability": "strict"}})
    disk = os.path.join(pair.directory,
                        "maildirs" if side == "receiver" else "data")
    send = deliver if side == "receiver" else submit
    large = TEXT + b"0123456789abcdef" * 4 * 8192 + b"\r\n"
    try:
        with harness.small_disk(disk):
            pair.start()
            for _ in range(2):
                with pytest.raises(smtplib.SMTPResponseException) as caught:
                    send(pair, large)
                assert caught.value.smtp_code == 452
                assert caught.value.smtp_error.startswith(b"4.3.1")
            # whoever looks for errors in the log finds it
            one = pair.receiver if side == "receiver" else pair.sender
            one.wait_log(r" error \S+ .*No space left on device")
            assert pair.left_in_tmp() == []
            assert pair.maildir(BOB).files() == [] and pair.queue() == []
            send(pair)  # what fits is still taken
            assert len(pair.maildir(BOB).wait(1)) == 1
            for server in (pair.sender, pair.receiver):
                assert server.stop() == 0
                assert not harness.FAULTS.search(server.log()), server.log()
    finally:
        pair.kill()


# ---- wrong files -------------------------------------------------------------

CONFIGURATIONS = [
    ("server", {"hostnam": "x"}, r":\d+: hostnam: .*did you mean 'hostname'"),
    ("server", {"log-level": "loud"}, r":\d+: log-level: "),
    ("servr", {"hostname": "x"}, r":\d+: .*did you mean 'server'"),
]


@pytest.mark.parametrize("name", ["postpair-sender", "postpair-receiver"])
@pytest.mark.parametrize("section,keys,reason", CONFIGURATIONS,
                         ids=["unknown-key", "bad-value", "unknown-section"])
def test_wrong_configuration_names_file_line_and_reason(name, section, keys,
                                                        reason):
    pair = harness.Pair(start=False)
    try:
        server = pair.sender if name == "postpair-sender" else pair.receiver
        server.sections = harness.merged({section: keys}, {
            s: k for s, k in server.sections.items() if s != section})
        server.write_config()
        said = server.refused()
        assert re.search(re.escape(server.config) + reason, said), said
    finally:
        pair.kill()


@pytest.mark.parametrize("line,reason", [
    ("bob {PLAIN}x", r":2: "),
    ("bob@xyz.com {MD6}x", r":2: .*MD6"),
    ("bob@xyz.com {PLAIN}x quoata=1M", r":2: .*quoata.*quota"),
    ("alice@abc.com {PLAIN}x", r":2: .*alice@abc.com"),
    ("bob@xyz.com {SCRAM-SHA-256}12,QQ==,QQ==,QQ==",
     r":2: {SCRAM-SHA-256}: the iterations are not 4096 to 1000000"),
    ("bob@xyz.com {SCRAM-SHA-256}4096,QQ==,QQ==,QQ==",
     r":2: {SCRAM-SHA-256}: StoredKey is not a digest in base64"),
    ("bob@xyz.com certificate=12", r":2: certificate: '12' is not a SHA-256"),
], ids=["no-domain", "unknown-scheme", "unknown-attribute", "twice",
        "scram-count", "scram-key", "certificate"])
def test_wrong_users_file_names_file_line_and_reason(line, reason):
    pair = harness.Pair(start=False)
    try:
        pair.write_users("alice@abc.com {PLAIN}secret\n" + line + "\n")
        pair.receiver.write_config()
        done = pair.run([harness.program("postpair-receiver"), "--foreground",
                         "--config", pair.receiver.config], seconds=20)
        assert done.returncode == 1
        assert re.search(re.escape(pair.users_path) + reason,
                         done.stderr.decode()), done.stderr
    finally:
        pair.kill()


def test_reload_with_a_wrong_file_keeps_the_old_one():
    with harness.Pair() as pair:
        for server, send in ((pair.receiver, deliver), (pair.sender, submit)):
            good = server.sections
            server.sections = harness.merged(good, {"server": {"colour": "red"}})
            mark = len(server.log())
            server.reload()
            server.wait_log(r"reload-refused.*colour", after=mark)
            send(pair)
            server.sections = good
            mark = len(server.log())
            server.reload()
            server.wait_log(r" reloaded", after=mark)
            send(pair)
        pair.maildir(BOB).wait(4)


def test_wrong_line_in_a_changed_users_file_keeps_the_old_users():
    with harness.Pair() as pair:
        pair.write_users("alice@abc.com {PLAIN}secret\nbob@xyz.com {MD6}x\n")

        def noticed():
            submit(pair)
            return re.search(r"users:2: ", pair.sender.log())
        harness.wait_for(noticed, 10, "a complaint about line 2")
        box = poplib.POP3("127.0.0.1", pair.pop3_port, timeout=30)
        box.user(BOB)
        assert box.pass_(harness.PASSWORD).startswith(b"+OK")
        box.quit()


# ---- peers that go away ------------------------------------------------------

STEPS = [b"EHLO c.example\r\n", b"MAIL FROM:<alice@abc.com>\r\n",
         b"RCPT TO:<bob@xyz.com>\r\n", b"DATA\r\n", TEXT + b".\r\n"]


@pytest.mark.deadline(120)
@pytest.mark.parametrize("side", ["receiver", "sender"])
def test_disconnect_at_every_byte_leaves_nothing(side):
    steps = list(STEPS)
    with harness.Pair() as pair:
        port = pair.smtp_port
        if side == "sender":
            port = pair.submission_port
            steps.insert(1, b"AUTH PLAIN "
                         b"AGFsaWNlQGFiYy5jb20Ac2VjcmV0\r\n")
        total = sum(map(len, steps))
        for cut in range(total):
            with contextlib.suppress(ConnectionError), Wire(port) as c:
                c.line()
                left = cut
                for step in steps:
                    c.send(step[:left])
                    left -= len(step)
                    if left < 0:
                        break
                    c.reply()
                c.close(reset=bool(cut & 1))
        harness.wait_for(lambda: pair.left_in_tmp() == [], 20, "empty tmp/")
        # a whole message after them is the only one
        (deliver if side == "receiver" else submit)(pair)
        assert len(pair.maildir(BOB).wait(1)) == 1
        pair.wait_queue_empty()
        assert len(pair.maildir(BOB).files()) == 1


@pytest.mark.parametrize("side", ["receiver", "sender"])
def test_kill_in_the_middle_of_a_message_leaves_nothing(side):
    with harness.Pair() as pair:
        server = pair.receiver if side == "receiver" else pair.sender
        port = pair.smtp_port if side == "receiver" else pair.submission_port
        server.keep_ports()
        with Wire(port) as c:
            c.reply()
            c.ask(b"EHLO c.example")
            if side == "sender":
                c.ask(b"AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0")
            c.ask(b"MAIL FROM:<alice@abc.com>")
            c.ask(b"RCPT TO:<bob@xyz.com>")
            assert c.ask(b"DATA").startswith(b"354")
            c.send(TEXT + b"x" * 70 + b"\r\n")
            c.send((b"y" * 70 + b"\r\n") * 4000)
            server.kill()
        server.start()
        harness.wait_for(lambda: pair.left_in_tmp() == [], 10, "empty tmp/")
        assert pair.queue() == [] and pair.maildir(BOB).files() == []
        (deliver if side == "receiver" else submit)(pair)
        assert len(pair.maildir(BOB).wait(1)) == 1


def test_pop3_connection_lost_deletes_nothing():
    with harness.Pair() as pair:
        deliver(pair)
        pair.maildir(BOB).wait(1)
        box = poplib.POP3("127.0.0.1", pair.pop3_port, timeout=30)
        box.user(BOB)
        box.pass_(harness.PASSWORD)
        box.dele(1)
        box.close()  # without QUIT

        def count():
            again = poplib.POP3("127.0.0.1", pair.pop3_port, timeout=30)
            try:
                again.user(BOB)
                again.pass_(harness.PASSWORD)
                return again.stat()[0]
            except poplib.error_proto:  # the lock of the lost session
                return None
            finally:
                again.close()
        assert harness.wait_for(count, 10, "the maildrop") == 1
