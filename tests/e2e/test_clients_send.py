"""Ordinary mail programs send through the sender-side server, and what arrives
in the recipient's Maildir is what they sent, byte for byte."""

import re
import shutil
import smtplib

import bodies
import harness
import pytest

SENDER, RECIPIENT = "alice@abc.com", "bob@xyz.com"


@pytest.fixture(scope="module", name="pair")
def _pair():
    with harness.Pair() as pair:
        yield pair


def with_smtplib(pair, text, _path):
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
        s.login(SENDER, harness.PASSWORD)
        s.sendmail(SENDER, [RECIPIENT], text, ["BODY=8BITMIME"])


def with_curl(pair, _text, path):
    return ["curl", "-sS", "--max-time", "40", "--url",
            "smtp://127.0.0.1:%d/client.example" % pair.submission_port,
            "--user", "%s:%s" % (SENDER, harness.PASSWORD),
            "--mail-from", SENDER, "--mail-rcpt", RECIPIENT,
            "--upload-file", path]


def with_swaks(pair, text, path):
    # Its "fix-up" of data adds and takes away lines; without it, swaks sends
    # the file as it is and ends it with CRLF: dots are doubled here.
    if not text.endswith(b"\r\n"):
        text += b"\r\n"
    pair.write("message", re.sub(rb"(?m)^\.", b"..", text) + b".")
    return ["swaks", "--server", "127.0.0.1", "--port",
            str(pair.submission_port), "--auth", "PLAIN", "--auth-user", SENDER,
            "--auth-password", harness.PASSWORD, "--from", SENDER,
            "--to", RECIPIENT, "--data", "@" + path, "--no-data-fixup",
            "--suppress-data"]


def with_msmtp(pair, _text, path):
    return ["sh", "-c",
            "exec msmtp --host=127.0.0.1 --port=%d --tls=off --auth=plain "
            "--user=%s --passwordeval='echo %s' --from=%s --timeout=40 -- %s <%s"
            % (pair.submission_port, SENDER, harness.PASSWORD, SENDER,
               RECIPIENT, path)]


CLIENTS = {"smtplib": with_smtplib, "curl": with_curl, "swaks": with_swaks,
           "msmtp": with_msmtp}


@pytest.mark.parametrize("body", bodies.BODIES)
@pytest.mark.parametrize("client", CLIENTS)
def test_body_arrives_unchanged(pair, client, body):
    if client != "smtplib" and shutil.which(client) is None:
        pytest.skip("%s is not installed" % client)
    subject = "%s-%s" % (client, body)
    text = bodies.message(subject, body)
    path = pair.write("message", text)
    argv = CLIENTS[client](pair, text, path)
    if argv is not None:
        done = pair.run(argv)
        assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-2000:])
    stored = pair.wait_message(RECIPIENT, subject)
    bodies.assert_same(bodies.body_of(stored), body)
    assert stored.startswith(b"Return-Path: <alice@abc.com>"), stored[:200]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_each_auth_mechanism_logs_in(pair, mechanism):
    if shutil.which("swaks") is None:
        pytest.skip("swaks is not installed")
    done = pair.run(["swaks", "--server", "127.0.0.1", "--port",
                     str(pair.submission_port), "--auth", mechanism,
                     "--auth-user", SENDER, "--auth-password",
                     harness.PASSWORD, "--from", SENDER, "--to", RECIPIENT,
                     "--quit-after", "RCPT"])
    assert done.returncode == 0, done.stdout


def test_wrong_password_is_535(pair):
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as s:
        with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
            s.login(SENDER, "wrong")
    assert caught.value.smtp_code == 535
    assert caught.value.smtp_error.startswith(b"5.7.8")
