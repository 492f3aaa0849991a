"""Aliases and lists whose members come and go: nobody's copy gets lost."""

import os
import smtplib
import subprocess

import pytest

import harness

ALICE, BOB, CAROL = "alice@abc.com", "bob@xyz.com", "carol@xyz.com"
TEXT = "Subject: to all\r\n\r\nbody\r\n"


@pytest.fixture(name="pair")
def fixture_pair():
    aliases = {"team": "%s gone@abc.com" % ALICE, "all": "team@abc.com " + BOB,
               "sound": "%s %s" % (ALICE, BOB)}
    with harness.Pair(receiver={"aliases": aliases}) as pair:
        yield pair


def check(pair):
    """What --check says, whose status is 0: the server starts all the same."""
    done = subprocess.run(
        [harness.program("postpair-receiver"), "--check", "--config",
         pair.receiver.config], stdin=subprocess.DEVNULL, check=False,
        capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stderr


def smtp(pair):
    return smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=30)


def test_mail_for_a_list_with_an_unknown_member_is_refused(pair):
    with smtp(pair) as client:
        client.ehlo("c")
        client.mail("x@elsewhere.org")
        for address in ("team@abc.com", "team+tag@abc.com", "all@xyz.com"):
            code, text = client.rcpt(address)
            assert code == 550 and text.startswith(b"5.1.1 <"), text
            assert b"gone" not in text  # strangers hear no names
        assert client.rcpt("sound@abc.com")[0] == 250
        assert client.rcpt("gone@abc.com")[0] == 550
    # whoever sends through us hears it at once
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as client:
        client.login(ALICE, harness.PASSWORD)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail(ALICE, ["all@abc.com"], TEXT)
        client.sendmail(ALICE, ["sound@abc.com"], TEXT)
    assert len(pair.maildir(BOB).wait(1)) == 1
    assert len(pair.maildir(ALICE).wait(1)) == 1
    pair.receiver.wait_log(" warn alias-target-unknown session=")


def test_the_unknown_member_is_named(pair):
    want = "alias-target-unknown alias=team line="
    pair.receiver.wait_log(want)  # of the start
    said = check(pair)
    assert want in said and "target=gone@abc.com" in said
    assert said.count("alias-target-unknown") == 1  # not for all, and sound
    before = len(pair.receiver.log())
    pair.receiver.reload()
    pair.receiver.wait_log("alias-target-unknown alias=team", after=before)
    # one who goes
    done = subprocess.run(
        [harness.program("postpair-admin"), "user", "remove", BOB, "--config",
         pair.receiver.config], stdin=subprocess.DEVNULL, check=True,
        capture_output=True, text=True, timeout=30, env={
            **os.environ, "PATH": os.path.dirname(
                harness.program("postpair-receiver")) + ":/usr/bin:/bin"})
    assert done.stdout == "removed %s\n" % BOB
    for name in ("all", "sound"):
        assert "alias-target-unknown alias=%s " % name in done.stderr
    assert done.stderr.count("target=" + BOB) == 2
    with smtp(pair) as client:
        client.ehlo("c")
        client.mail("x@elsewhere.org")
        assert client.rcpt("sound@abc.com")[0] == 550
        # and one who comes
        pair.users = {ALICE: "x", BOB: "x", "gone@abc.com": "x"}
        pair.write_users()
        assert client.rcpt("all@abc.com")[0] == 250
    assert "alias-target-unknown" not in check(pair)


@pytest.mark.parametrize("keys", [{}, {"postmaster": "gone@xyz.com"}])
def test_a_postmaster_who_does_not_exist_is_named(keys):
    pair = harness.Pair(start=False, receiver={"server": keys})
    del pair.users["postmaster@abc.com"]
    pair.write_users()
    try:
        pair.receiver.start()
        pair.receiver.wait_log(" warn postmaster-unknown")
        assert "postmaster-unknown" in check(pair)
        with smtp(pair) as client:
            client.ehlo("c")
            client.mail("x@elsewhere.org")
            for address in ("postmaster", "postmaster@xyz.com"):
                assert client.rcpt(address)[0] == 550
            pair.receiver.sections["server"]["postmaster"] = CAROL
            before = len(pair.receiver.log())
            pair.receiver.reload()
            pair.receiver.wait_log(r"\breloaded\b", after=before)
            assert "postmaster-unknown" not in pair.receiver.log()[before:]
            client.rset()
            client.sendmail("x@elsewhere.org", ["postmaster"], TEXT)
        assert len(pair.maildir(CAROL).wait(1)) == 1
    finally:
        pair.kill()


def test_a_hundred_members_get_it(tmp_path):
    users = {"u%d@xyz.com" % i: "x" for i in range(100)}
    path = str(tmp_path / "aliases")
    with open(path, "w", encoding="ascii") as f:
        f.write("everybody: %s\n" % "\n  ".join(users))
    with harness.Pair(sender=False, users=users, receiver={
            "domains": {"aliases-file": path}}) as pair:
        with smtp(pair) as client:
            client.sendmail("x@elsewhere.org", ["everybody@abc.com"], TEXT)
        for user in users:
            assert len(pair.maildir(user).files()) == 1, user
    assert os.path.exists(path)
