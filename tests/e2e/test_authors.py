"""In whose name mail is submitted: the From field against the login, and how much
a login hands in within an hour."""

import os
import re
import smtplib
import subprocess

import pytest

import harness
from fake_milter import FakeMilter as Milter
from harness import Pair
from test_sendmail import Local, NOBODY, can_be_nobody, is_root

ALICE, BOB, BOSS = "alice@abc.com", "bob@xyz.com", "boss@abc.com"
CAROL = "carol@xyz.com"


def submit(pair, header, login=ALICE, sender=None, to=(BOB,)):
    """The verdict after the data, or the one that came before it."""
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
        s.login(login, harness.PASSWORD)
        for command in ("MAIL FROM:<%s>" % (login if sender is None else sender),
                        *("RCPT TO:<%s>" % one for one in to)):
            code, text = s.docmd(command)
            if code != 250:
                return code, text
        return s.data(header.encode() + b"\r\n\r\nbody\r\n")


def refused(answer, enhanced):
    return answer[0] == 550 and answer[1].startswith(enhanced.encode())


@pytest.mark.parametrize("sender", [ALICE, ""])
def test_own_is_the_default(sender):
    """Also for the null path, which a client may give for its receipts."""
    with Pair(users={BOSS: "x"}) as pair:
        for header in ("From: boss@abc.com", "From: \"The Boss\" <boss@abc.com>",
                       "From: alice@abc.com, boss@abc.com",
                       "From: T: alice@abc.com, boss@abc.com;",
                       "From: boss@abc.com\r\nResent-From: boss@abc.com",
                       "From: alice@abc.com\r\nSender: boss@abc.com"):
            assert refused(submit(pair, header, sender=sender), "5.7.1"), header
        for header in ("From: Bob", "From:", "From: alice@abc.com\r\nfrom: boss@abc.com"):
            assert refused(submit(pair, header, sender=sender), "5.6.0"), header
        for i, header in enumerate((
                "From: ALICE@abc.com", "From: \"boss\" <alice+x@abc.com>",
                "From: boss@abc.com\r\nResent-From: alice@abc.com", "To: b@c.d")):
            assert submit(pair, "Subject: taken %d\r\n%s" % (i, header),
                          sender=sender)[0] == 250, header
        for i in range(4):
            pair.wait_message(BOB, "taken %d" % i)
        assert len(pair.maildir(BOB).files()) == 4


def test_aliases_and_grants_are_own():
    with Pair(start=False) as pair:
        with open(pair.users_path, "a", encoding="ascii") as f:
            f.write("dave@abc.com {PLAIN}secret alias=d@abc.com"
                    " send-as=info@abc.com send-as=@list.abc.com\n")
        pair.start()
        for own in ("d+tag@abc.com", "info@abc.com", "any@list.abc.com"):
            assert submit(pair, "From: " + own, "dave@abc.com")[0] == 250
            assert submit(pair, "From: " + own, "dave@abc.com", own)[0] == 250
            assert refused(submit(pair, "From: " + own), "5.7.1")
        assert refused(submit(pair, "From: x@abc.com", "dave@abc.com"), "5.7.1")


def test_sender_adds_our_field():
    with Pair(sender={"submission": {"from-header": "sender"}}) as pair:
        assert submit(pair, "Subject: one\r\nSender: x@y.z\r\n"
                      "From: boss@abc.com")[0] == 250
        text = pair.wait_message(BOB, "one")
        assert b"\nSender: <alice@abc.com>\n" in text
        assert text.count(b"\nSender:") == 1
        assert submit(pair, "Subject: two\r\nFrom: alice@abc.com")[0] == 250
        assert b"\nSender:" not in pair.wait_message(BOB, "two")
        assert refused(submit(pair, "From: Bob"), "5.6.0")


def test_any_takes_everything_but_two_froms():
    with Pair(sender={"submission": {"from-header": "any"}}) as pair:
        assert submit(pair, "Subject: any\r\nFrom: Boss")[0] == 250
        assert b"\nSender:" not in pair.wait_message(BOB, "any")
        assert refused(submit(pair, "From: a@b.c\r\nFrom: a@b.c"), "5.6.0")


# ---- filters -----------------------------------------------------------------


def with_milter(milter, **submission):
    return Pair(sender={"milters": {"m": milter.place},
                        "submission": {"milters": "m", **submission}})


def test_filters_see_the_checked_header():
    with Milter() as m, with_milter(m) as pair:
        assert refused(submit(pair, "From: boss@abc.com"), "5.7.1")
        assert submit(pair, "Subject: in\r\nFrom: alice@abc.com")[0] == 250
        pair.wait_message(BOB, "in")
        assert "end" not in m.sessions[0].steps()
    with Milter() as m, with_milter(m, **{"from-header": "sender"}) as pair:
        assert submit(pair, "Subject: in\r\nFrom: boss@abc.com")[0] == 250
        text = pair.wait_message(BOB, "in")
        assert text.count(b"\nSender: <alice@abc.com>") == 1


def test_redirected_mail_is_no_logins_own_for_filters():
    """Or they would sign it for its author's domain."""
    with Milter() as m, with_milter(m) as pair:
        for header, own in (("From: boss@abc.com\r\nResent-From: alice@abc.com", False),
                            ("From: alice@abc.com", True)):
            before = len(m.sessions)
            assert submit(pair, "Subject: own %s\r\n%s" % (own, header),
                          to=(BOB, "carol@xyz.com"))[0] == 250
            pair.wait_message(BOB, "own %s" % own)
            told = m.sessions[before:]
            assert len(told) == (1 if own else 2)
            last = told[-1]
            assert ("{auth_authen}" in last.macros["mail"]) == own
            assert ("{auth_type}" in last.macros["mail"]) == own
            assert [t[0] for t in last.texts("rcpt")] == [
                "<bob@xyz.com>", "<carol@xyz.com>"]
            assert "end" in last.steps() and "helo" in last.steps()
            if not own:
                assert "end" not in told[0].steps()


# ---- programs of this machine -------------------------------------------------


@pytest.mark.skipif(not is_root(), reason="only root can be somebody else")
@pytest.mark.parametrize("way", ["socket", "maildrop"])
def test_system_users_speak_for_themselves(way):
    local = Local(**{"local-users": {"nobody": ALICE}})
    if not can_be_nobody(local, drop=way == "maildrop"):
        local.pair.kill()
        pytest.skip("needs programs that others may run, set-gid ones too")
    with local.pair as pair:
        if way == "maildrop":
            assert pair.sender.stop() == 0
        text = b"Subject: %s\nFrom: %s\n\nbody\n"
        for subject, author in ((b"mine", b"alice@abc.com"),
                                (b"not mine", b"boss@abc.com")):
            subprocess.run(local.command(BOB), input=text % (subject, author),
                           check=False, user=NOBODY, timeout=50,
                           env={**os.environ, "NAME": ""})
        if way == "maildrop":
            pair.sender.start()
        pair.wait_message(BOB, "mine")
        if way == "maildrop":
            assert b"5.7.1" in pair.maildir(ALICE).wait(1)[0]
            local.wait_taken()
        assert len(pair.maildir(BOB).files()) == 1


def hand_in(local, way, mails):
    """As nobody: (arguments, text, words of the refusal or None for each), in the
    environment that programs have."""
    if not can_be_nobody(local, drop=way == "maildrop"):
        local.pair.kill()
        pytest.skip("needs programs that others may run, set-gid ones too")
    env = {k: v for k, v in os.environ.items() if k != "NAME"}
    with local.pair as pair:
        if way == "maildrop":
            assert pair.sender.stop() == 0
        for args, text, words in mails:
            done = subprocess.run(local.command(*args, BOB), input=text, timeout=50,
                                  check=False, user=NOBODY, env=env,
                                  capture_output=True)
            if way == "socket":
                assert done.returncode == (77 if words else 0), done.stderr
                assert (words or b"") in done.stderr, done.stderr
        if way == "maildrop":
            pair.sender.start()
            local.wait_taken()
        good = [m for m in mails if m[2] is None]
        texts = pair.maildir(BOB).wait(len(good))
        if way == "maildrop" and len(good) < len(mails):
            pair.maildir(ALICE).wait(len(mails) - len(good))
        assert len(pair.maildir(BOB).files()) == len(good)
        return texts


@pytest.mark.skipif(not is_root(), reason="only root can be somebody else")
@pytest.mark.parametrize("hostname", ["abc.com", "mail.abc.com"])
@pytest.mark.parametrize("way", ["socket", "maildrop"])
def test_the_systems_name_of_a_user_is_its_own(way, hostname):
    """postpair-sendmail writes it, at the domain of its configuration, where a
    program says nothing."""
    texts = hand_in(Local(**{"local-users": {"nobody": ALICE},
                             "server": {"hostname": hostname}}), way, [
        ([], b"Subject: plain\n\nx\n", None),
        (["-f", "nobody@abc.com"], b"Subject: f\n\nx\n", None),
        ([], b"From: Web <nobody@abc.com>\nSubject: from\n\nx\n", None),
        (["-f", "nobody@" + hostname],
         b"From: alice@abc.com\nSender: nobody@%s\n\nx\n" % hostname.encode(), None),
        ([], b"From: boss@abc.com\n\nx\n", b"5.7.1 From: <boss@abc.com>"),
        ([], b"Sender: boss@abc.com\n\nx\n", b"5.7.1 Sender: <boss@abc.com>"),
        ([], b"From: nobody@xyz.com\n\nx\n", b"5.7.1 From: <nobody@xyz.com>")])
    for text in texts:
        assert b"Return-Path: <alice@abc.com>" in text
    assert sum(b"<nobody@abc.com>" in t or b"From: nobody@abc.com" in t
               for t in texts) == 3, texts


@pytest.mark.skipif(not is_root(), reason="only root can be somebody else")
def test_the_systems_name_may_be_somebody_elses_address():
    local = Local(**{"local-users": {"nobody": ALICE},
                     "server": {"hostname": "mail.abc.com"}})
    with open(local.pair.users_path, "a", encoding="ascii") as f:
        f.write("nobody@abc.com {PLAIN}secret\n")
    local.pair.sender.restart()
    hand_in(local, "socket", [
        ([], b"Subject: x\n\nx\n", b"5.7.1 From: <nobody@abc.com>"),
        ([], b"From: nobody@mail.abc.com\nSubject: x\n\nx\n", None)])


@pytest.mark.skipif(not is_root(), reason="only root can be somebody else")
@pytest.mark.parametrize("way", ["socket", "maildrop"])
def test_cron_where_the_machine_has_another_name(way):
    """The recipe of doc/operations.md, with addresses in another domain."""
    local = Local(**{"local-users": {"nobody": ALICE},
                     "server": {"hostname": "mail.abc.com"}})
    with open(local.config, encoding="ascii") as f:
        config = f.read().replace("abc.com", "mail.abc.com")
    with open(local.config, "w", encoding="ascii") as f:
        f.write(config)
    texts = hand_in(local, way, [(
        ["-FCronDaemon", "-i", "-B8BITMIME", "-oem"],
        b"From: root (Cron Daemon)\nTo: bob@xyz.com\nSubject: Cron <nobody@host> x\n"
        b"\noutput\n", None)])
    assert b"\nFrom: nobody@mail.abc.com (Cron Daemon)\n" in texts[0]
    assert b"Return-Path: <alice@abc.com>" in texts[0]


# ---- how much -----------------------------------------------------------------


def test_an_hour_has_so_many_messages():
    with Pair(sender={"submission": {"messages-per-hour": "3"}}) as pair:
        pair.sender.keep_ports()
        for i in range(3):
            # what comes to nothing is not counted
            assert submit(pair, "From: boss@abc.com")[0] == 550
            assert submit(pair, "From: alice@abc.com")[0] == 250
        for _ in range(2):
            code, text = submit(pair, "From: alice@abc.com")
            assert code == 452 and text.startswith(b"4.7.1 alice@abc.com"), text
            assert re.search(rb"more in \d+ (minutes|seconds)$", text), text
        assert submit(pair, "From: bob@xyz.com", BOB)[0] == 250
        assert pair.sender.log().count("login-over-limit") == 1
        pair.sender.restart()
        assert submit(pair, "From: alice@abc.com")[0] == 452
        pair.sender.kill()
        pair.sender.start()
        assert submit(pair, "From: alice@abc.com")[0] == 452


@pytest.mark.skipif(not is_root(), reason="only root can be somebody else")
def test_what_is_over_the_hour_waits_in_the_maildrop_with_one_line():
    local = Local(**{"submission": {"messages-per-hour": "1"}})
    if not can_be_nobody(local, drop=True):
        local.pair.kill()
        pytest.skip("needs programs that others may run, set-gid ones too")
    with local.pair as pair:
        assert pair.sender.stop() == 0
        for _ in range(5):
            subprocess.run(local.command(BOB), input=b"Subject: x\n\nx\n",
                           check=True, user=NOBODY, timeout=50)
        pair.sender.start()
        pair.sender.wait_log("maildrop-later")
        pair.maildir(BOB).wait(1)
        assert pair.sender.stop() == 0
        assert pair.sender.log().count("maildrop-later") == 1
        assert len([n for n in local.dropped() if len(n) == 32]) == 4


@pytest.mark.skipif(not is_root(), reason="only root can be somebody else")
def test_recipients_over_the_hour_wait_and_nobody_gets_two():
    local = Local(**{"submission": {"recipients-per-hour": "2"}})
    if not can_be_nobody(local, drop=True):
        local.pair.kill()
        pytest.skip("needs programs that others may run, set-gid ones too")
    with local.pair as pair:
        assert pair.sender.stop() == 0
        subprocess.run(local.command(BOB, ALICE, CAROL),
                       input=b"Subject: x\n\nx\n", check=True, user=NOBODY,
                       timeout=50)
        pair.sender.start()
        pair.sender.wait_log("maildrop-later")
        assert len(pair.maildir(BOB).wait(1)) == 1
        assert pair.sender.stop() == 0
        assert len(local.dropped()) == 1
        # who has it is not counted again
        pair.sender.sections["submission"]["recipients-per-hour"] = "3"
        pair.sender.start()
        local.wait_taken()
        pair.wait_queue_empty()
        for user in (BOB, ALICE, CAROL):
            assert len(pair.maildir(user).wait(1)) == 1


def test_an_hour_has_so_many_recipients():
    with Pair(sender={"submission": {"recipients-per-hour": "3"}}) as pair:
        for to, code in (((BOB, "carol@xyz.com"), 250),
                         ((BOB, "carol@xyz.com"), 452), ((BOB,), 250),
                         ((BOB,), 452)):
            assert submit(pair, "From: alice@abc.com", to=to)[0] == code
        pair.sender.wait_log("what=recipients")


def test_the_defaults_are_300_and_1000():
    done = subprocess.run([harness.program("postpair-sender"), "--dump-options"],
                          capture_output=True, check=True, timeout=50)
    for line in (b"messages-per-hour = 300", b"recipients-per-hour = 1000",
                 b"from-header = own"):
        assert line in done.stdout
