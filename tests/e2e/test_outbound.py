"""How the sender-side server speaks to other servers: protected as the route
and its memory demand, and logged in."""

import os
import re
import smtplib
import subprocess

import harness
import pytest
from certificates import Lab
from harness import Pair

ALICE, BOB = "alice@abc.com", "bob@xyz.com"


@pytest.fixture(name="lab", scope="module")
def _lab():
    with Lab() as lab:
        lab.host("other.example")
        yield lab


def send(pair, subject, to=BOB):
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
        s.login(ALICE, harness.PASSWORD)
        s.sendmail(ALICE, [to], "From: %s\r\nTo: %s\r\nSubject: %s\r\n\r\nx\r\n"
                   % (ALICE, to, subject))


def admin(pair, *args, status=0):
    done = subprocess.run(
        [harness.program("postpair-admin"), *args, "-c", pair.sender.config],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
        check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def by(route, lab, certificate="localhost", **more):
    """A pair whose sender has this route to its receiver, %d being the port."""
    pair = Pair(start=False,
                receiver={"tls": lab.section(certificate) if certificate
                          else {}},
                sender=harness.merged({"relay": {"ca-file": lab.path("ca.crt"),
                                                 "idle-timeout": "0s"},
                                       "verify": {"enabled": "no"}}, more))
    try:
        pair.receiver.start()
        for domain in ("abc.com", "xyz.com"):
            pair.sender.sections["routes"][domain] = route % pair.smtp_port
        pair.sender.start()
    except BaseException:
        print(pair.logs())
        pair.kill()
        raise
    return pair


def with_certificate(pair, lab, certificate):
    """The receiver once more, with another certificate, or None."""
    pair.receiver.keep_ports()
    pair.receiver.stop()
    pair.receiver.sections["tls"] = \
        lab.section(certificate) if certificate else {}
    pair.receiver.start()


def test_a_destination_is_never_less_protected_than_before(lab):
    with by("localhost:%d", lab) as pair:
        name = "localhost:%d" % pair.smtp_port
        send(pair, "verified")
        pair.wait_message(BOB, "verified")
        assert "%s verified, " % name in admin(pair, "tls", "list")
        why = admin(pair, "why", BOB)
        assert "tls          may; remembered: verified" in why
        # somebody takes STARTTLS away, or shows another certificate
        for certificate, reply in ((None, "451 4.7.4 "),
                                   ("other.example", "451 4.7.5 ")):
            with_certificate(pair, lab, certificate)
            seen = len(pair.sender.log())
            send(pair, "downgrade %s" % certificate)
            pair.sender.wait_log(r"tls-downgrade destination=%s" % name,
                                 after=seen)
            pair.sender.wait_log(r"result=deferred .*reply=\"%s" % reply,
                                 after=seen)
        assert len(pair.maildir(BOB).files()) == 1
        # also after a restart, until an administrator says that it is so
        pair.sender.restart()
        assert "%s verified, " % name in admin(pair, "tls", "list")
        assert "forgotten" in admin(pair, "tls", "forget", name)
        assert "not known" in admin(pair, "tls", "forget", name, status=65)
        admin(pair, "queue", "flush")
        pair.wait_message(BOB, "downgrade other.example")
        assert "%s encrypted, " % name in admin(pair, "tls", "list")
        pair.wait_queue_empty()


def test_without_tls_mail_goes_in_the_clear_to_one_that_never_had_it(lab):
    with by("127.0.0.1:%d", lab, None) as pair:
        send(pair, "clear")
        pair.wait_message(BOB, "clear")
        assert admin(pair, "tls", "list") == ""


@pytest.mark.parametrize("level,certificate,reply", [
    ("none", "localhost", None),
    ("require", "other.example", None),
    ("require", None, "451 4.7.4 "),
    ("verify", "localhost", None),
    ("verify", "other.example", "451 4.7.5 "),
    ("verify", None, "451 4.7.4 "),
])
def test_a_route_says_how_well(lab, level, certificate, reply):
    with by("localhost:%%d tls=%s" % level, lab, certificate) as pair:
        send(pair, "level")
        if reply is None:
            pair.wait_message(BOB, "level")
            said = pair.maildir(BOB).messages()[0]
            assert (b" with ESMTPS id " in said) == (level != "none"), said
        else:
            pair.sender.wait_log(r"result=deferred .*reply=\"%s" % reply)
            assert pair.maildir(BOB).files() == []


def test_a_question_about_a_recipient_is_as_well_protected(lab):
    with by("localhost:%d tls=verify", lab, "other.example",
            verify={"enabled": "yes", "timeout": "5s"}) as pair:
        with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
            s.login(ALICE, harness.PASSWORD)
            s.mail(ALICE)
            assert b"unreachable now: queued" in s.rcpt(BOB)[1]
        # nobody was named to a server that is not the right one
        assert "rcpt" not in pair.receiver.log()


# ---- smarthost --------------------------------------------------------------

@pytest.fixture(name="smarthost")
def _smarthost(lab):
    with lab.pair() as pair:
        yield pair


def secret(pair_or_path, text, mode=0o600):
    with open(pair_or_path, "w", encoding="utf-8") as f:
        os.fchmod(f.fileno(), mode)
        f.write(text + "\n")
    return str(pair_or_path)


def sender_by(lab, tmp_path, routes, password="secret", senders=None):
    return Pair(sender={
        "routes": routes, "relay": {"ca-file": lab.path("ca.crt")},
        "sender-routes": senders or {},
        "credentials": {"relay": "alice@abc.com %s" % secret(
            tmp_path / "relay.password", password)}})


def test_a_smarthost_takes_mail_from_who_logs_in(lab, smarthost, tmp_path):
    way = "localhost:%d tls=verify auth=relay" % smarthost.submission_port
    with sender_by(lab, tmp_path, {"xyz.com": way}) as pair:
        # it knows nothing of whom it sends on to: nobody is asked
        with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
            s.login(ALICE, harness.PASSWORD)
            s.mail(ALICE)
            assert s.rcpt("nobody@xyz.com")[0] == 250
        send(pair, "by smarthost")
        smarthost.wait_message(BOB, "by smarthost")
        assert pair.maildir(BOB).files() == []
        smarthost.sender.wait_log(r"auth-ok .*login=alice@abc.com")
        message = pair.sender.wait_log(
            r" delivery id=(\S+) .*result=delivered").group(1)
        said = admin(pair, "trail", message)
        assert "AUTH" in said and "TLSv1.3" in said
        assert harness.PASSWORD not in said + pair.sender.log()


def test_a_smarthost_for_one_sender_alone(lab, smarthost, tmp_path):
    way = "localhost:%d tls=verify auth=relay" % smarthost.submission_port
    with sender_by(lab, tmp_path, {"*": "127.0.0.1:1"},
                   senders={"alice@ABC.com": way}) as pair:
        del pair.sender.sections["routes"]["xyz.com"]
        seen = len(pair.sender.log())
        pair.sender.reload()
        pair.sender.wait_log(" reloaded ", after=seen)
        send(pair, "alice's own way")
        smarthost.wait_message(BOB, "alice's own way")
        with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
            s.login("carol@xyz.com", harness.PASSWORD)
            s.sendmail("carol@xyz.com", [BOB], "Subject: other\r\n\r\nx\r\n")
        pair.sender.wait_log(r"from=carol@xyz.com .*result=deferred "
                             r"to=127.0.0.1:1 ")


def test_a_wrong_password_makes_mail_wait(lab, smarthost, tmp_path):
    way = "localhost:%d tls=verify auth=relay" % smarthost.submission_port
    with sender_by(lab, tmp_path, {"xyz.com": way}, "wrong") as pair:
        send(pair, "wrong password")
        pair.sender.wait_log(
            r"result=deferred .*reply=\"454 4.7.0 .*refuses our login")
        secret(tmp_path / "relay.password", harness.PASSWORD)
        pair.sender.reload()
        smarthost.wait_message(BOB, "wrong password")


@pytest.mark.parametrize("credentials,routes,reason", [
    ({"relay": "alice %s"}, {"*": "h.example tls=verify auth=other"},
     r":\d+: \*: auth=other is no name of \[credentials\]"),
    ({"relay": "alice %s"}, {"*": "h.example auth=relay"},
     r":\d+: \*: auth= would send a password in clear text"),
    ({"relay": "alice %s"}, {"*": "h.example tls=require auth=relay"},
     r":\d+: \*: auth= would show a password to whoever answers"),
    ({"relay": "alice %s.none"}, {}, r":\d+: relay: .*No such file"),
    ({"relay": "alice"}, {}, r":\d+: relay: expected a login and"),
    ({}, {"*": "h.example tls=sometimes"}, r":\d+: \*: tls=sometimes is none"),
    ({}, {"*": "mx:"}, r":\d+: \*: mx: without a domain"),
])
def test_a_bad_line_is_named(lab, tmp_path, credentials, routes, reason):
    path = secret(tmp_path / "password", "x")
    pair = Pair(start=False, sender={
        "routes": routes,
        "credentials": {k: v % path if "%s" in v else v
                        for k, v in credentials.items()}})
    try:
        pair.sender.write_config()
        said = pair.sender.refused()
        assert re.search(reason, said), said
    finally:
        pair.kill()


def test_a_password_that_others_may_read_is_refused(lab, tmp_path):
    path = secret(tmp_path / "password", "x", 0o644)
    pair = Pair(start=False, sender={"credentials": {"relay": "a " + path}})
    try:
        pair.sender.write_config()
        assert "chmod 600" in pair.sender.refused()
    finally:
        pair.kill()
