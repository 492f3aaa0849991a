"""Milters between the client and the mailbox, well-behaved and not."""

import os
import re
import smtplib
import struct

import fake_milter
import pytest
from fake_milter import (ACCEPT, CONN_FAIL, CONTINUE, DIE, DISCARD, PROGRESS,
                         REJECT, RESET, SHUTDOWN, SKIP, STALL, TEMPFAIL,
                         FakeMilter, add_header, add_rcpt, change_from,
                         change_header, delete_rcpt, insert_header, packet,
                         quarantine, replace_body, reply)
import harness
from harness import Maildir, Pair, Wire, wait_for

ALICE, BOB, CAROL = "alice@abc.com", "bob@xyz.com", "carol@xyz.com"
TEXT = ("From: alice@abc.com\r\nTo: bob@xyz.com\r\nSubject: %s\r\n"
        "Message-ID: <1@abc.com>\r\nX-Fold: one\r\n two\r\n\r\nhello\r\n")
QUICK = "connect-timeout=3s command-timeout=1s content-timeout=1s end-timeout=1s"


def receiving(*milters, options=QUICK):
    """A receiver alone with these milters."""
    names = ["m%d" % i for i in range(len(milters))]
    return Pair(sender=False, receiver={
        "milters": {n: "%s %s" % (m.place, options)
                    for n, m in zip(names, milters)},
        "smtp": {"milters": " ".join(names)}})


def submitting(milter, start=True, **more):
    return Pair(start=start, sender={
        "milters": {"m": milter.place + " " + QUICK},
        "submission": {"milters": "m"}, **more})


def client(pair):
    return smtplib.SMTP("127.0.0.1", pair.smtp_port, "client.test", timeout=30)


def deliver(pair, subject="milter", to=(BOB,), text=TEXT, sender=ALICE):
    with client(pair) as c:
        return c.sendmail(sender, list(to), text % subject)


def submit(pair, subject="milter", to=(BOB,), text=TEXT):
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as c:
        c.login(ALICE, "secret")
        return c.sendmail(ALICE, list(to), text % subject)


def refusal(pair, **more):
    """The code and the text of the reply that refuses a message."""
    with pytest.raises((smtplib.SMTPDataError, smtplib.SMTPSenderRefused,
                        smtplib.SMTPRecipientsRefused,
                        smtplib.SMTPServerDisconnected)) as refused:
        deliver(pair, **more)
    error = refused.value
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return list(error.recipients.values())[0]
    return error.smtp_code, error.smtp_error


def wait_steps(milter, steps):
    """Wait until the first session has heard just this."""
    wait_for(lambda: milter.sessions[0].steps() == steps,
             what=lambda: milter.sessions[0].steps())


def peak_memory(server):
    """The most memory that the process has had, in bytes."""
    with open("/proc/%d/status" % server.pid, encoding="ascii") as f:
        return int(re.search(r"VmHWM:\s+(\d+) kB", f.read()).group(1)) << 10


def head_of(text):
    return text.partition(b"\n\n")[0]


# ---- what a milter is told ---------------------------------------------------

def test_a_milter_is_told_everything():
    with FakeMilter(steps=fake_milter.LEADING_SPACE) as m, \
            receiving(m) as pair:
        with client(pair) as c:
            c.ehlo("client.test")
            c.docmd("XYZZY", "a")
            c.sendmail(ALICE, [BOB, CAROL], TEXT % "all", ["BODY=8BITMIME"])
        s = m.sessions[0]
        assert s.offer == (6, 0x1ff, 0x1ff7ff)
        assert s.steps()[:2] == ["connect", "helo"]
        host, family, port, address = struct.unpack(
            "!10sc H10s", dict(s.events)["connect"].ljust(23)[:23])
        assert (host, family, address) == (b"localhost\0", b"4",
                                           b"127.0.0.1\0")
        assert port > 0
        assert s.texts("helo") == [["client.test"]]
        assert s.texts("unknown") == [["XYZZY a"]]
        assert s.texts("mail") == [["<alice@abc.com>", "SIZE=%d" % len(
            TEXT % "all"), "BODY=8BITMIME"]]
        assert s.texts("rcpt") == [["<bob@xyz.com>"], ["<carol@xyz.com>"]]
        assert s.texts("header") == [
            ["From", " alice@abc.com"], ["To", " bob@xyz.com"],
            ["Subject", " all"], ["Message-ID", " <1@abc.com>"],
            ["X-Fold", " one\n two"]]
        assert s.body() == b"hello\r\n"
        wait_steps(m, ["connect", "helo", "unknown", "mail", "rcpt", "rcpt",
                       "data"] + 5 * ["header"] + ["eoh", "body", "end",
                                                   "quit"])


def test_macros_at_each_step():
    with FakeMilter() as m, receiving(m) as pair:
        deliver(pair)
        s = m.sessions[0]
        assert s.macros["connect"]["j"] == "localhost"
        assert s.macros["connect"]["{daemon_name}"] == "localhost"
        assert s.macros["connect"]["{client_addr}"] == "127.0.0.1"
        assert s.macros["connect"]["_"] == "localhost [127.0.0.1]"
        assert s.macros["connect"]["v"].startswith("postpair ")
        assert s.macros["mail"]["{mail_addr}"] == ALICE
        assert s.macros["mail"]["{mail_host}"] == "abc.com"
        assert s.macros["rcpt"]["{rcpt_addr}"] == BOB
        assert s.macros["rcpt"]["{rcpt_host}"] == "xyz.com"
        assert s.macros["end"]["{msg_id}"] == "<1@abc.com>"
        number = s.macros["mail"]["i"]
        assert number == s.macros["end"]["i"]
        text = pair.maildir(BOB).wait(1)[0]
        assert b"id " + number.encode() in head_of(text)


def test_the_name_of_a_client_behind_a_proxy():
    for said, name in (("NAME=mail.abc.com", "mail.abc.com"),
                       ("NAME=[UNAVAILABLE]", "unknown"),
                       ("NAME=no_host_(name)", "unknown")):
        with FakeMilter() as m, receiving(m) as pair:
            pair.receiver.sections["smtp"]["xclient-from"] = "127.0.0.1"
            pair.receiver.restart()
            with client(pair) as c:
                c.ehlo()
                assert c.docmd("XCLIENT ADDR=192.0.2.7 PORT=77 " +
                               said)[0] == 220
                c.ehlo()
                c.sendmail(ALICE, [BOB], TEXT % "named")
            s = m.sessions[-1]
            assert s.texts("connect")[0][0] == name
            assert s.macros["connect"]["{client_name}"] == name
            assert s.macros["connect"]["{client_port}"] == "77"
            assert s.macros["connect"]["_"] == "%s [192.0.2.7]" % name


def test_a_milter_chooses_its_macros():
    with FakeMilter(symbols={0: "{client_port} j", 2: "mail_host", 5: ""}) as m, \
            receiving(m) as pair:
        deliver(pair)
        s = m.sessions[0]
        assert set(s.macros["connect"]) == {"{client_port}", "j"}
        assert s.macros["mail"] == {"mail_host": "abc.com"}
        assert "end" not in s.macros and "{rcpt_addr}" in s.macros["rcpt"]


def test_a_login_is_told():
    with FakeMilter() as m, submitting(m) as pair:
        submit(pair)
        pair.wait_message(BOB, "milter")
        assert m.sessions[0].macros["mail"]["{auth_authen}"] == ALICE
        assert m.sessions[0].macros["mail"]["{auth_type}"].upper() in (
            "PLAIN", "LOGIN", "SCRAM-SHA-256")


def test_what_is_not_wanted_is_not_sent():
    unwanted = sum(fake_milter.NOT_WANTED.values())
    with FakeMilter(steps=unwanted) as m, receiving(m) as pair:
        deliver(pair)
        wait_steps(m, ["end", "quit"])


def test_what_is_not_answered_is_not_waited_for():
    with FakeMilter({"end": [add_header("X-Seen", "yes"), CONTINUE]},
                    steps=sum(fake_milter.NO_REPLY.values())) as m, \
            receiving(m) as pair:
        deliver(pair, to=[BOB, CAROL])
        assert b"\nX-Seen: yes" in head_of(pair.maildir(BOB).wait(1)[0])
        assert len(m.sessions[0].texts("header")) == 5


def test_older_versions():
    for version, heard in ((2, False), (3, False), (4, True)):
        with FakeMilter(version=version, actions=0x3f) as m, \
                receiving(m) as pair:
            deliver(pair)
            assert len(pair.maildir(BOB).wait(1)) == 1
            assert ("data" in m.sessions[0].steps()) is heard


def test_over_a_unix_socket():
    with FakeMilter({"end": [add_header("X-Seen", "yes"), ACCEPT]},
                    unix=True) as m, receiving(m) as pair:
        deliver(pair)
        assert b"\nX-Seen: yes" in head_of(pair.maildir(BOB).wait(1)[0])


def test_skip_ends_the_body_only():
    big = TEXT + "x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 3000
    with FakeMilter({"body": [SKIP], "header": [SKIP]},
                    steps=fake_milter.SKIP_STEP) as m, receiving(m) as pair:
        deliver(pair, text=big)
        steps = m.sessions[0].steps()
        assert steps.count("body") == 1 and steps.count("header") == 1
        assert "eoh" in steps and "end" in steps
        assert len(pair.maildir(BOB).wait(1)) == 1


# ---- what a milter says ------------------------------------------------------

@pytest.mark.parametrize("step", ["mail", "data", "header", "eoh", "body", "end"])
def test_refusals_at_each_step_of_a_message(step):
    script = {step: [[REJECT], [TEMPFAIL], [reply("554 5.7.9 no\r\n554 5.7.9 way")],
                     [reply("450 not now")], [CONTINUE]]}
    if step == "header":
        script[step] = script[step][:4] + [[CONTINUE]]
    with FakeMilter(script) as m, receiving(m) as pair, client(pair) as c:
        c.ehlo()
        for code, start in ((550, b"5.7.1"), (451, b"4.7.1"), (554, b"5.7.9 no"),
                            (450, b"4.7.1 not now")):
            with pytest.raises((smtplib.SMTPDataError,
                                smtplib.SMTPSenderRefused)) as refused:
                c.sendmail(ALICE, [BOB], TEXT % "refused")
            assert refused.value.smtp_code == code
            assert refused.value.smtp_error.startswith(start)
        assert pair.maildir(BOB).files() == []
        c.sendmail(ALICE, [BOB], TEXT % "taken")
        assert len(pair.maildir(BOB).wait(1)) == 1
        assert pair.left_in_tmp() == []


def test_a_refused_recipient_alone_is_left_out():
    with FakeMilter({"rcpt": [[reply("550 5.7.1 not her")], [CONTINUE]]}) as m, \
            receiving(m) as pair:
        refused = deliver(pair, to=[CAROL, BOB])
        assert refused == {CAROL: (550, b"5.7.1 not her")}
        assert len(pair.maildir(BOB).wait(1)) == 1
        assert pair.maildir(CAROL).files() == []


def test_refusals_of_the_client():
    with FakeMilter({"connect": [REJECT]}) as m, receiving(m) as pair:
        with pytest.raises(smtplib.SMTPConnectError) as refused:
            client(pair)
        assert refused.value.smtp_code == 554
    with FakeMilter({"connect": [TEMPFAIL]}) as m, receiving(m) as pair:
        with pytest.raises(smtplib.SMTPConnectError) as refused:
            client(pair)
        assert refused.value.smtp_code == 421
    with FakeMilter({"helo": [[reply("550 5.7.1 no")], [CONTINUE]]}) as m, \
            receiving(m) as pair, client(pair) as c:
        assert c.ehlo("bad.test")[0] == 550
        assert c.docmd("MAIL FROM:<a@abc.com>")[0] == 503
        assert c.ehlo("good.test")[0] == 250


def test_shutdown_ends_the_session():
    for word in (SHUTDOWN, CONN_FAIL, reply("421 4.3.2 gone")):
        with FakeMilter({"mail": [word]}) as m, receiving(m) as pair, \
                client(pair) as c:
            c.ehlo()
            assert c.docmd("MAIL FROM:<alice@abc.com>")[0] == 421
            with pytest.raises(smtplib.SMTPServerDisconnected):
                c.docmd("NOOP")


def test_accept_ends_the_questions():
    with FakeMilter({"mail": [ACCEPT]}) as m, receiving(m) as pair:
        deliver(pair)
        deliver(pair)
        assert len(pair.maildir(BOB).wait(2)) == 2
        wait_steps(m, ["connect", "helo", "mail", "abort", "quit"])
    with FakeMilter({"connect": [ACCEPT]}) as m, receiving(m) as pair:
        deliver(pair)
        assert len(pair.maildir(BOB).wait(1)) == 1
        wait_steps(m, ["connect", "quit"])


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "header", "end"])
def test_discard_accepts_and_drops(step):
    with FakeMilter({step: [DISCARD]}) as m, receiving(m) as pair:
        assert deliver(pair) == {}
        pair.receiver.wait_log(r" message-discarded .*from=alice@abc.com")
        assert pair.maildir(BOB).files() == []
        assert pair.left_in_tmp() == []


def test_progress_is_waited_for():
    with FakeMilter({"end": [PROGRESS] * 50 + [CONTINUE]}) as m, \
            receiving(m) as pair:
        deliver(pair)
        assert len(pair.maildir(BOB).wait(1)) == 1


# ---- what a milter changes ---------------------------------------------------

def test_header_changes():
    changes = [add_header("X-Last", "end\n\tfolded"),
               insert_header(0, "X-Top", "top"),
               insert_header(2, "X-Below", "below"),
               change_header(1, "Subject", "[spam] changed"),
               change_header(1, "X-Fold", ""),
               change_header(3, "X-New", "new"),
               CONTINUE]
    with FakeMilter({"end": changes}) as m, receiving(m) as pair:
        deliver(pair)
        head = head_of(pair.maildir(BOB).wait(1)[0]).decode()
        names = re.findall(r"^([\w-]+):", head, re.M)
        assert names == ["Return-Path", "X-Top", "Received", "X-Below",
                         "From", "To", "Subject", "Message-ID", "X-Last",
                         "X-New"]
        assert "\nSubject: [spam] changed\n" in head
        assert "\nX-Last: end\n\tfolded\n" in head


def test_a_header_cannot_be_ended_by_a_milter():
    evil = "x\r\n\r\nInjected: body\r\nEvil: yes"
    with FakeMilter({"end": [add_header("X-A", evil), CONTINUE]}) as m, \
            receiving(m) as pair:
        deliver(pair)
        head, _, body = pair.maildir(BOB).wait(1)[0].partition(b"\n\n")
        assert body == b"hello\n"
        assert b"\nX-A: x\n\tInjected: body\n\tEvil: yes" in head


def test_the_body_is_replaced_and_its_line_ends_mended():
    with FakeMilter({"end": [replace_body(b"one\ntwo\r"), replace_body(
            b"\nthree\0\r.\r\nfour"), CONTINUE]}) as m, receiving(m) as pair:
        deliver(pair)
        body = pair.maildir(BOB).wait(1)[0].partition(b"\n\n")[2]
        assert body == b"one\ntwo\nthree?\n.\nfour\n"


def test_recipients_are_changed():
    with FakeMilter({"end": [delete_rcpt("<bob@xyz.com>"), add_rcpt(CAROL),
                             add_rcpt("<carol@xyz.com>"),
                             add_rcpt("nobody@xyz.com"), CONTINUE]}) as m, \
            receiving(m) as pair:
        deliver(pair)
        text = pair.maildir(CAROL).wait(1)[0]
        assert b"Subject: milter\n" in text
        assert pair.maildir(BOB).files() == []
        assert len(pair.maildir(CAROL).files()) == 1
        pair.receiver.wait_log(
            r" milter-recipient-refused .*rcpt=nobody@xyz.com")
        assert pair.left_in_tmp() == []


def test_without_a_recipient_the_message_goes_nowhere():
    with FakeMilter({"end": [delete_rcpt(BOB), CONTINUE]}) as m, \
            receiving(m) as pair:
        assert deliver(pair) == {}
        pair.receiver.wait_log(r" message-discarded .*no-recipient-left")
        assert pair.maildir(BOB).files() == []
    with FakeMilter({"end": [delete_rcpt(BOB), add_rcpt("nobody@xyz.com"),
                             CONTINUE]}) as m, receiving(m) as pair:
        assert refusal(pair)[0] == 550


def test_the_sender_is_changed():
    with FakeMilter({"end": [change_from("<bounce@abc.com>", "RET=HDRS"),
                             CONTINUE]}) as m, receiving(m) as pair:
        deliver(pair)
        assert pair.maildir(BOB).wait(1)[0].startswith(
            b"Return-Path: <bounce@abc.com>\n")


def test_quarantine_goes_to_the_junk_folder():
    for durability in ("strict", "journal"):
        with FakeMilter({"end": [quarantine("smells"), CONTINUE]}) as m, \
                receiving(m) as pair:
            pair.receiver.sections["store"] = {"durability": durability}
            pair.receiver.restart()
            deliver(pair)
            box = pair.maildir(BOB)
            junk = Maildir(box.path + "/.Junk")
            assert len(junk.wait(1)) == 1
            assert box.files() == []
            with open(junk.path + "/maildirfolder", "rb") as f:
                assert f.read() == b""
            pair.receiver.wait_log(r" message .*junk=smells")
            assert pair.left_in_tmp() == []
            pair.receiver.keep_ports()
            pair.receiver.kill()
            pair.receiver.start()
            assert (len(junk.files()), box.files()) == (1, [])
            assert " failed=0" in pair.receiver.log() or \
                durability == "strict"


def test_the_junk_folder_has_the_mailbox_quota_by_itself():
    large = TEXT + ("x" * 70 + "\r\n") * 600
    script = {"end": [[quarantine("a"), CONTINUE], [quarantine("b"), CONTINUE],
                      [CONTINUE]]}
    with FakeMilter(script) as m, receiving(m) as pair:
        pair.receiver.sections["store"] = {"quota": "64K"}
        pair.receiver.restart()
        with client(pair) as c:
            c.sendmail(ALICE, [BOB], large % "first")
            with pytest.raises(smtplib.SMTPDataError) as refused:
                c.sendmail(ALICE, [BOB], large % "second")
            assert refused.value.smtp_code == 452
            assert refused.value.smtp_error.startswith(b"4.2.2")
            c.sendmail(ALICE, [BOB], large % "third")
        junk = Maildir(pair.maildir(BOB).path + "/.Junk")
        assert len(junk.files()) == len(pair.maildir(BOB).files()) == 1
        assert pair.left_in_tmp() == []


def test_each_milter_sees_what_the_ones_before_it_did():
    with FakeMilter({"end": [add_header("X-A", "1"),
                             change_header(1, "X-Fold", ""),
                             replace_body(b"new\r\n"), CONTINUE]}) as a, \
            FakeMilter({"end": [change_header(1, "X-A", "2"), ACCEPT]}) as b, \
            receiving(a, b) as pair:
        deliver(pair)
        names = [n for n, _ in b.sessions[0].texts("header")]
        assert names == ["From", "To", "Subject", "Message-ID", "X-A"]
        assert b.sessions[0].body() == b"new\r\n"
        head, _, body = pair.maildir(BOB).wait(1)[0].partition(b"\n\n")
        assert b"\nX-A: 2" in head and body == b"new\n"
        # and the log says which of them did what
        pair.receiver.wait_log(
            r"milter-changed .* fields=5 body=5\n(.*\n)*?"
            r".* milter-changed .* fields=5$")


def test_the_first_refusal_counts():
    with FakeMilter({"rcpt": [REJECT]}) as a, FakeMilter() as b, \
            receiving(a, b) as pair:
        assert refusal(pair)[0] == 550
        assert "mail" in b.sessions[0].steps()
        assert "rcpt" not in b.sessions[0].steps()
        wait_for(lambda: b.sessions[0].steps()[-2:] == ["abort", "quit"])


def test_a_large_message_passes_through_a_file():
    body = "".join("line %06d %s\r\n" % (i, "z" * 60) for i in range(40000))
    with FakeMilter({"end": [add_header("X-Seen", "yes"), CONTINUE]},
                    steps=fake_milter.NO_REPLY["body"]) as m, \
            receiving(m, options="") as pair:
        deliver(pair, text=TEXT.replace("hello\r\n", "") + body)
        assert m.sessions[0].body() == body.encode()
        text = pair.maildir(BOB).wait(1)[0]
        assert text.partition(b"\n\n")[2] == body.replace("\r\n", "\n").encode()


def test_memory_is_bounded_for_a_large_message():
    line = b"x" * 76 + b"\r\n"
    head = TEXT.replace("hello\r\n", "") % "large"
    with FakeMilter({"end": [add_header("X-Seen", "yes"), CONTINUE]},
                    steps=fake_milter.NO_REPLY["body"]) as m, \
            receiving(m, options="") as pair, Wire(pair.smtp_port) as w:
        w.reply()
        for command in (b"EHLO c", b"MAIL FROM:<alice@abc.com>",
                        b"RCPT TO:<bob@xyz.com>", b"DATA"):
            w.ask(command)
        before = peak_memory(pair.receiver)
        w.send(head.encode())
        for _ in range(400):
            w.send(line * 1000)
        assert w.ask(b".").startswith(b"250")
        # 31 MB of body; a sanitizer's own memory grows by itself
        if not harness.is_sanitized():
            assert peak_memory(pair.receiver) - before < 4 << 20
        assert sum(map(len, m.sessions[0].texts("header"))) == 10
        assert len(m.sessions[0].body()) == 400 * 1000 * len(line)


def test_a_message_in_chunks_goes_the_same_way():
    text = (TEXT % "chunks").encode()
    with FakeMilter({"end": [add_header("X-Seen", "yes"), CONTINUE]}) as m, \
            receiving(m) as pair, client(pair) as c:
        c.ehlo()
        assert "chunking" in c.esmtp_features
        c.mail(ALICE)
        c.rcpt(BOB)
        for part, last in ((text[:40], b""), (text[40:], b" LAST")):
            c.send(b"BDAT %d%s\r\n" % (len(part), last) + part)
            assert c.getreply()[0] == 250
        stored = pair.maildir(BOB).wait(1)[0]
        assert b"\nX-Seen: yes" in head_of(stored)
        assert stored.endswith(b"\n\nhello\n")
        assert m.sessions[0].steps().count("data") == 1


def header_of(size):
    """A header of so many bytes, without the empty line."""
    rest = size - len("From: alice@abc.com\r\n")
    fields = ["From: alice@abc.com\r\n"]
    while rest > 0:
        n = rest if rest < 900 else 800
        fields.append("X: %s\r\n" % ("x" * (n - 5)))
        rest -= n
    return "".join(fields).encode()


def give_chunk(pair, text, port=None):
    """The reply to a message that comes as the one and last chunk."""
    with smtplib.SMTP("127.0.0.1", port or pair.submission_port,
                      "client.test", timeout=30) as c:
        c.ehlo()
        if port is None:
            c.login(ALICE, "secret")
        c.mail(ALICE)
        c.rcpt(BOB)
        c.send(b"BDAT %d LAST\r\n" % len(text) + text)
        return c.getreply()


HEADER_MAX, FIELDS_MAX = 256 * 1024, 2000


@pytest.mark.parametrize("under", [0, 1, 60])
def test_a_header_without_room_for_what_it_lacks_is_refused(under):
    text = header_of(HEADER_MAX - under)
    with FakeMilter() as m, submitting(m) as pair:
        code, reason = give_chunk(pair, text)
        assert (code, reason[:5]) == (552, b"5.3.4")
        pair.sender.wait_log(r" smtp-data .*code=552 .*larger than 262144")
        assert "end" not in m.sessions[0].steps()


@pytest.mark.parametrize("under", [2, 30, 45])
@pytest.mark.parametrize("default", ["tempfail", "accept"])
def test_a_header_without_room_for_what_a_filter_adds_is_refused(
        under, default):
    text = header_of(HEADER_MAX - under) + b"\r\nhello\r\n"
    adds = {"end": [add_header("X-Seen", "y" * 40), CONTINUE]}
    with FakeMilter(adds) as m, \
            receiving(m, options=QUICK + " default=" + default) as pair:
        code, reason = give_chunk(pair, text, pair.smtp_port)
        assert (code, reason[:5]) == (552, b"5.3.4")
        pair.receiver.wait_log(r" warn milter-changes-refused .*milter=m0 .*"
                               r"reason=\"Header block over 262144 bytes")
        assert "milter-failed" not in pair.receiver.log()
        assert pair.maildir(BOB).files() == []
        assert pair.left_in_tmp() == []
        m.script = {}
        code, reason = give_chunk(pair, text, pair.smtp_port)
        assert code == 250, reason


@pytest.mark.parametrize("added", range(0, 60, 10))
def test_a_submitted_header_is_within_the_bound_or_refused(added):
    """Whatever the filter's field crosses, the block or its empty line."""
    own = b"Date: Tue, 1 Dec 2026 01:00:00 +0000\r\nMessage-ID: <1@abc.com>\r\n"
    text = header_of(HEADER_MAX - 52 - len(own)) + own + b"\r\nhello\r\n"
    adds = {"end": [add_header("X-Seen", "y" * added), CONTINUE]}
    with FakeMilter(adds) as m, submitting(m) as pair:
        code, reason = give_chunk(pair, text)
        fits = len("X-Seen: \r\n") + added + 2 <= 52
        assert code == (250 if fits else 552), reason
        assert fits or reason.startswith(b"5.3.4")
        assert "milter-failed" not in pair.sender.log()


def test_more_fields_than_are_counted_are_refused():
    text = b"X:\r\n" * (FIELDS_MAX - 1) + b"From: alice@abc.com\r\n"
    with FakeMilter({"header": [SKIP]}, steps=fake_milter.SKIP_STEP) as m, \
            receiving(m) as pair:
        code, reason = give_chunk(pair, text + b"\r\n", pair.smtp_port)
        assert code == 250, reason
        code, reason = give_chunk(pair, text + b"X:\r\n\r\n", pair.smtp_port)
        assert (code, reason[:5]) == (552, b"5.3.4")
        # one that fits, and has no room for one more
        m.script["end"] = [add_header("X-Seen", "yes"), CONTINUE]
        code, reason = give_chunk(pair, text + b"\r\n", pair.smtp_port)
        assert (code, reason[:5]) == (552, b"5.3.4")
        assert "milter-failed" not in pair.receiver.log()


def test_the_log_has_the_reason_why_a_filtered_message_is_not_stored():
    with FakeMilter() as m, submitting(m) as pair:
        tmp = os.path.join(pair.directory, "data", "queue", "tmp")
        m.script = {"end": lambda _: os.rmdir(tmp) or [CONTINUE]}
        with pytest.raises(smtplib.SMTPDataError) as refused:
            submit(pair, text=TEXT + "x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 9000)
        assert refused.value.smtp_code == 451
        pair.sender.wait_log(r" error receive-failed session=\S+ step=data "
                             r"class=temporary .*reason=")


# ---- a milter that is not there, dies, stalls or lies ------------------------

DEATHS = ["options", "connect", "helo", "mail", "rcpt", "data", "header", "eoh",
          "body", "end"]


@pytest.mark.parametrize("step", DEATHS)
@pytest.mark.parametrize("how", ["die", "reset", "half"])
def test_a_milter_that_dies_at_each_step(step, how):
    death = {"die": [DIE], "reset": [RESET], "half": [b"\0\0", DIE]}[how]
    with FakeMilter({step: death}) as m, receiving(m) as pair:
        code, text = refusal(pair)
        assert (code, text[:5]) == (451, b"4.7.1")
        pair.receiver.wait_log(r" milter-failed .*milter=m0 .*default=tempfail")
        # whole again: so is the session that asks next
        m.script = {"end": [add_header("X-Seen", "yes"), CONTINUE]}
        deliver(pair, "later")
        assert b"\nX-Seen: yes" in head_of(pair.maildir(BOB).wait(1)[0])
        assert len(pair.maildir(BOB).files()) == 1


@pytest.mark.parametrize("step", DEATHS)
def test_default_accept_and_reject(step):
    with FakeMilter({step: [DIE]}) as m:
        with receiving(m, options=QUICK + " default=accept") as pair:
            deliver(pair)
            head = head_of(pair.maildir(BOB).wait(1)[0])
            assert b"\nX-Fold: one\n two" in head
        with receiving(m, options=QUICK + " default=reject") as pair:
            assert refusal(pair)[0] == 550


def test_death_between_changes_and_the_last_word_changes_nothing():
    with FakeMilter({"end": [add_header("X-A", "1"), replace_body(b"half"),
                             DIE]}) as m, \
            receiving(m, options=QUICK + " default=accept") as pair:
        deliver(pair)
        text = pair.maildir(BOB).wait(1)[0]
        assert b"X-A" not in text and text.endswith(b"\n\nhello\n")


@pytest.mark.parametrize("step", ["options", "connect", "mail", "header", "end"])
def test_a_milter_that_stalls_is_late(step):
    options = "connect-timeout=300ms command-timeout=300ms " \
              "content-timeout=300ms end-timeout=300ms"
    with FakeMilter({step: [STALL]}) as m, \
            receiving(m, options=options) as pair:
        assert refusal(pair)[0] == 451
        pair.receiver.wait_log(r" milter-failed .*class=timeout")


LIES = {
    "empty packet": b"\0\0\0\0",
    "too long": b"\xff\xff\xff\xffx",
    "longer than allowed": struct.pack("!I", 300000) + b"b",
    "unknown": packet(b"Z"),
    "text without end": packet(b"y", b"550 no"),
    "2xx": reply("250 2.0.0 fine"),
    "no code": reply("hello"),
    "two codes": reply("550 5.7.1 a\r\n451 4.7.1 b"),
    "control byte": reply("550 5.7.1 a\x1bb"),
    "bytes behind": packet(b"c", b"x"),
    "endless progress": PROGRESS * 2000,
    "change before the end": add_header("X-A", "1") + CONTINUE,
    "quarantine before the end": quarantine("x") + CONTINUE,
    "skip not agreed on": SKIP,
    "an answer too many": CONTINUE + CONTINUE,
}


@pytest.mark.parametrize("lie", sorted(LIES))
def test_a_milter_that_lies(lie):
    with FakeMilter({"eoh": [LIES[lie]]}) as m, receiving(m) as pair:
        assert refusal(pair)[0] == 451
        pair.receiver.wait_log(r" milter-failed .*class=protocol")
        assert pair.maildir(BOB).files() == []


@pytest.mark.parametrize("options", [
    (1, 0x1ff, 0), (7, 0x1ff, 0), (6, 0x3ff, 0), (6, 0, 0x800),
    (2, 0x1ff, 0), (2, 0, 0x400)])
def test_a_milter_that_wants_what_was_not_offered(options):
    version, actions, steps = options
    with FakeMilter(version=version, actions=actions, steps=steps) as m, \
            receiving(m) as pair:
        assert refusal(pair)[0] == 451


NO_CHANGES = {
    "name with a blank": add_header("X A", "1"),
    "no name": add_header("", "1"),
    "no recipient": add_rcpt("no address"),
    "no sender": change_from("<a@b"),
    "no value": packet(b"h", b"X-A\0"),
    "no index": packet(b"i", b"\0\0"),
    "no parameter": add_rcpt(CAROL, "NOTIFY=PERHAPS"),
    "too long": add_header("X", "y" * 200000) * 2,
    "too many": add_header("X", "") * (FIELDS_MAX + 1),
}


@pytest.mark.parametrize("change", sorted(NO_CHANGES))
def test_changes_that_are_none(change):
    with FakeMilter({"end": [NO_CHANGES[change], CONTINUE]}) as m, \
            receiving(m, options=QUICK + " default=accept") as pair:
        with client(pair) as c:
            try:
                c.sendmail(ALICE, [BOB], TEXT % "x")
                taken = pair.maildir(BOB).wait(1)[0]
                assert b"X-A" not in taken
            except smtplib.SMTPDataError as error:
                assert error.smtp_code == 451
        assert pair.maildir(CAROL).files() == []


def test_changes_that_were_not_agreed_on():
    with FakeMilter({"end": [add_header("X-A", "1"), CONTINUE]},
                    actions=0x02) as m, receiving(m) as pair:
        assert refusal(pair)[0] == 451


def test_a_milter_that_is_not_there():
    m = FakeMilter()
    m.stop()
    with receiving(m) as pair, client(pair) as c:
        c.ehlo()
        assert c.noop()[0] == 250
        assert c.docmd("MAIL FROM:<alice@abc.com>")[0] == 451
        assert c.docmd("RSET")[0] == 250


def test_a_milter_that_is_restarted_within_a_session():
    with FakeMilter({"end": [add_header("X-Seen", "yes"), CONTINUE]}) as m, \
            receiving(m) as pair, client(pair) as c:
        c.ehlo()
        c.sendmail(ALICE, [BOB], TEXT % "1")
        m.hang_up()
        codes = set()
        for i in range(3):
            try:
                c.sendmail(ALICE, [BOB], TEXT % ("again%d" % i))
                codes.add(250)
            except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
                codes.add(error.smtp_code)
                c.rset()
        assert 250 in codes and codes <= {250, 451}
        for text in pair.maildir(BOB).messages():
            assert b"\nX-Seen: yes" in head_of(text)


# ---- submission --------------------------------------------------------------

def test_a_signer_sees_the_mended_header():
    bare = "Subject: %s\r\nBcc: carol@xyz.com\r\n\r\nhello\r\n"
    with FakeMilter({"end": [insert_header(0, "X-Signature", "s"),
                             CONTINUE]}) as m, submitting(m) as pair:
        submit(pair, text=bare)
        text = pair.wait_message(BOB, "milter")
        seen = dict(m.sessions[0].texts("header"))
        assert set(seen) == {"Subject", "From", "Date", "Message-ID"}
        head = head_of(text).decode()
        assert "\nX-Signature: s\n" in head
        for name, value in seen.items():
            assert "\n%s: %s\n" % (name, value) in head + "\n"
        assert head.count("\nDate:") == 1 and "Bcc" not in head


def test_submission_is_held_by_quarantine():
    for durability in ("journal", "strict"):
        with FakeMilter({"end": [quarantine("look at it"), CONTINUE]}) as m, \
                submitting(m, queue={"durability": durability}) as pair:
            submit(pair)
            pair.sender.wait_log(r" queued .*held=\"look at it\"")
            assert len(pair.queue()) == 1
            pair.sender.kill()
            pair.sender.start()
            assert len(pair.waiting()) == 1
            assert pair.maildir(BOB).files() == []


def test_a_sender_changed_by_a_milter_is_not_refused():
    with FakeMilter({"end": [change_from("srs@relay.example"),
                             CONTINUE]}) as m, submitting(m) as pair:
        submit(pair)
        assert pair.wait_message(BOB, "milter").startswith(
            b"Return-Path: <srs@relay.example>\n")


def test_submission_keeps_mail_when_a_milter_is_gone():
    with FakeMilter({"end": [DIE]}) as m, submitting(m) as pair:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            submit(pair)
        assert refused.value.smtp_code == 451
        assert pair.waiting() == []


def test_what_programs_of_this_machine_send_is_filtered_too():
    with FakeMilter({"end": [insert_header(0, "X-Signature", "s"),
                             CONTINUE]}) as m, \
            submitting(m, start=False) as pair:
        where = {"socket": pair.directory + "/s",
                 "maildrop": pair.directory + "/maildrop"}
        pair.sender.sections["server"]["hostname"] = "abc.com"
        pair.sender.sections["submission"].update(
            {"local-socket": where["socket"], "maildrop": where["maildrop"]})
        config = pair.write("sendmail.conf", harness.ini(
            {"sendmail": {**where, "domain": "abc.com"}}).encode())
        command = [harness.program("postpair-sendmail"), "-C", config, BOB]
        pair.receiver.start()
        pair.route_to_receiver()
        for subject in ("socket", "maildrop"):
            if subject == "socket":
                pair.sender.start()
            done = pair.run(command, "Subject: %s\n\nhello\n" % subject)
            assert done.returncode == 0, done.stderr
            if subject == "maildrop":
                assert len(m.sessions) == 1
                pair.sender.start()
            assert b"\nX-Signature: s\n" in pair.wait_message(BOB, subject)
            pair.sender.stop()
        for s in m.sessions:
            assert s.texts("connect")[0][0] == "localhost"
            assert s.macros["connect"]["{client_addr}"] == "127.0.0.1"
            assert s.macros["mail"]["{auth_authen}"].endswith("@abc.com")


# ---- exactly once ------------------------------------------------------------

def test_a_repeated_delivery_is_stored_once_whatever_the_milter_makes_of_it():
    ask = b"MAIL FROM:<alice@abc.com> XPOSTPAIRID=abc.1"
    script = {"end": [[add_rcpt(CAROL), CONTINUE],
                      [quarantine("now junk"), add_rcpt(CAROL), CONTINUE]]}
    with FakeMilter(script) as m, receiving(m) as pair, client(pair) as c:
        c.ehlo()
        for _ in range(2):
            assert c.docmd(ask.decode())[0] == 250
            assert c.docmd("RCPT TO:<bob@xyz.com>")[0] == 250
            assert c.data(TEXT % "once")[0] == 250
        for user in (BOB, CAROL):
            assert len(pair.maildir(user).wait(1)) == 1
            assert Maildir(pair.maildir(user).path + "/.Junk").files() == []


# ---- configuration -----------------------------------------------------------

def test_reload_takes_milters_over():
    with FakeMilter({"end": [add_header("X-Seen", "yes"), CONTINUE]}) as m, \
            Pair(sender=False) as pair:
        deliver(pair, "before")
        assert m.sessions == []
        pair.receiver.sections["milters"] = {"m": m.place}
        pair.receiver.sections["smtp"]["milters"] = "m"
        seen = len(pair.receiver.log())
        pair.receiver.reload()
        pair.receiver.wait_log(" reloaded ", after=seen)
        deliver(pair, "with")
        pair.receiver.sections["smtp"]["milters"] = None
        seen = len(pair.receiver.log())
        pair.receiver.reload()
        pair.receiver.wait_log(" reloaded ", after=seen)
        deliver(pair, "after")
        for text in pair.maildir(BOB).wait(3):
            assert (b"X-Seen" in text) == (b"Subject: with" in text)
        assert len(m.sessions) == 1


@pytest.mark.parametrize("line, complaint", [
    ("127.0.0.1:1", r":\d+: m: '127.0.0.1:1' is not inet:HOST:PORT"),
    ("inet:127.0.0.1", r":\d+: m: '127.0.0.1' is not HOST:PORT"),
    ("unix:relative", r":\d+: m: unix: needs an absolute path"),
    ("inet:127.0.0.1:1 default=maybe", r":\d+: m: default is tempfail"),
    ("inet:127.0.0.1:1 end-timout=1s",
     r":\d+: m: unknown option 'end-timout', did you mean 'end-timeout'\?"),
    ("inet:127.0.0.1:1 end-timeout=0s", r":\d+: m: end-timeout: '0s'"),
])
def test_wrong_lines_are_named(line, complaint):
    with Pair(sender=False, start=False,
              receiver={"milters": {"m": line}}) as pair:
        with pytest.raises(AssertionError) as failed:
            pair.receiver.start()
        pair.receiver.process = None
        assert re.search(r"postpair-receiver\.conf" + complaint,
                         str(failed.value))


def test_an_unknown_name_is_named():
    with Pair(sender=False, start=False, receiver={
            "milters": {"rspamd": "inet:127.0.0.1:1"},
            "smtp": {"milters": "rspam"}}) as pair:
        with pytest.raises(AssertionError) as failed:
            pair.receiver.start()
        pair.receiver.process = None
        assert "no 'rspam' in [milters], did you mean 'rspamd'?" in \
            str(failed.value)
