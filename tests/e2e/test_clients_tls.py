"""mailsh and ordinary mail programs that verify the servers' certificates, by
STARTTLS and STLS and on the ports that begin with TLS.  (Python, curl and swaks
are in test_tls.py.)"""

import os
import re
import shutil

import bodies
import harness
import pytest
from certificates import Lab

SENDER, RECIPIENT = "alice@abc.com", "bob@xyz.com"


@pytest.fixture(scope="module", name="lab")
def _lab():
    with Lab() as lab:
        yield lab


@pytest.fixture(scope="module", name="pair")
def _pair(lab):
    with lab.pair() as pair:
        yield pair


def ports(pair, implicit):
    """Of the sender and of the receiver."""
    if implicit:
        return (pair.sender.ports["submission-tls"],
                pair.receiver.ports["pop3-tls"])
    return pair.submission_port, pair.pop3_port


def need(program):
    if shutil.which(program) is None:
        pytest.skip("%s is not installed" % program)


@pytest.mark.parametrize("implicit", [False, True])
def test_mailsh_sends_and_reads(pair, lab, implicit):
    send, read = ports(pair, implicit)
    subject = "mailsh %s" % implicit
    out = pair.mailsh(
        "login %s --password secret\ncompose %s --subject '%s' --body Hello\n"
        "send\nlogin %s --password secret\nlist --wait 30s 'subject:%s'\n"
        "read last\nstatus\n" % (SENDER, RECIPIENT, subject, RECIPIENT, subject),
        "-t", "-H", "localhost", "--smtp-port", str(send), "--pop3-port",
        str(read), "--ca", lab.path("ca.crt"),
        *(["--tls"] if implicit else []), ports=False)
    assert "Subject: %s\n" % subject in out and "\n\nHello\n" in out
    for name in ("smtp", "pop3"):
        assert re.search(r"^%s-tls\tTLSv1\.3 TLS_\w+, CN=localhost by "
                         r"CN=postpair private CA, verified$" % name, out, re.M)
    begun = [line for line in pair.stderr.splitlines()
             if line in ("> STARTTLS", "> STLS")]
    assert bool(begun) == (not implicit)
    assert "secret" not in pair.stderr
    received = pair.wait_message(RECIPIENT, subject).partition(b"\n\n")[0]
    assert b" with ESMTPSA id " in received


def test_mailsh_logs_in_by_certificate_alone(lab):
    for user in (SENDER, RECIPIENT):
        lab.make("user", user)
    asks = {"tls": lab.section(**{"client-ca": lab.path("ca.crt")})}
    with lab.pair(sender=asks, receiver=asks) as pair:
        options = ("-t", "--ca", lab.path("ca.crt"), "--cert",
                   lab.path(SENDER + ".crt"), "--key",
                   lab.path(SENDER + ".key"))
        out = pair.mailsh(
            "login %s\ncompose %s --subject pass --body Hello\nsend\n"
            "set cert '%s'\nset key '%s'\nlogin %s\n"
            "list --wait 30s subject:pass\nread last\n" % (
                SENDER, RECIPIENT, lab.path(RECIPIENT + ".crt"),
                lab.path(RECIPIENT + ".key"), RECIPIENT), *options)
        assert "\n\nHello\n" in out
        assert pair.stderr.count("> AUTH EXTERNAL") >= 4
        # who the certificate does not name is somebody else
        pair.mailsh("login %s\n" % RECIPIENT, *options, status=4)
        assert "\nhint: the certificate alone will not do there" in pair.stderr
    with lab.pair() as pair:  # nobody asks for one
        pair.mailsh("login %s\n" % SENDER, *options, status=4)
        assert "\nhint: the certificate alone will not do there" in pair.stderr
        assert not re.search("^> (AUTH|USER|PASS)", pair.stderr, re.M)
        # with a password at hand it is used
        pair.mailsh("login %s --password secret\n" % SENDER, *options)


@pytest.mark.parametrize("implicit", [False, True])
def test_msmtp_sends(pair, lab, implicit):
    need("msmtp")
    subject = "msmtp %s" % implicit
    done = pair.run(
        ["msmtp", "--host=127.0.0.1", "--port=%d" % ports(pair, implicit)[0],
         "--tls=on", "--tls-starttls=%s" % ("off" if implicit else "on"),
         "--tls-trust-file=" + lab.path("ca.crt"), "--auth=plain",
         "--user=" + SENDER, "--passwordeval=echo " + harness.PASSWORD,
         "--from=" + SENDER, "--timeout=40", "--", RECIPIENT],
        bodies.message(subject, "plain"))
    assert done.returncode == 0, done.stderr
    stored = pair.wait_message(RECIPIENT, subject)
    bodies.assert_same(bodies.body_of(stored), "plain")


@pytest.fixture(name="waiting")
def _waiting(pair):
    """There is a message to be read, under this subject."""
    with harness.Wire(pair.smtp_port) as s:
        s.reply()
        for command in (b"EHLO client.example", b"MAIL FROM:<a@b.example>",
                        b"RCPT TO:<carol@xyz.com>", b"DATA",
                        bodies.message("to be read", "plain") + b"."):
            assert s.ask(command)[:1] in b"23", command
    pair.wait_message("carol@xyz.com", "to be read")
    return "to be read"


def read_one(box, subject):
    texts = [text for text in box.messages()
             if b"Subject: " + subject.encode() in text]
    assert texts, box.messages()
    bodies.assert_same(bodies.body_of(texts[0]), "plain")


@pytest.mark.parametrize("implicit", [False, True])
def test_mpop_reads(pair, lab, implicit, waiting):
    need("mpop")
    box = harness.Maildir(os.path.join(pair.directory, "mpop-%s" % implicit))
    for folder in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(box.path, folder))
    done = pair.run(
        ["mpop", "--host=127.0.0.1", "--port=%d" % ports(pair, implicit)[1],
         "--tls=on", "--tls-starttls=%s" % ("off" if implicit else "on"),
         "--tls-trust-file=" + lab.path("ca.crt"), "--auth=user",
         "--user=carol@xyz.com", "--passwordeval=echo " + harness.PASSWORD,
         "--keep=on", "--received-header=off", "--timeout=40",
         "--uidls-file=" + box.path + ".uidls",
         "--delivery=maildir," + box.path])
    assert done.returncode == 0, done.stderr
    read_one(box, waiting)


@pytest.mark.parametrize("implicit", [False, True])
def test_fetchmail_reads(pair, lab, implicit, waiting):
    need("fetchmail")
    box = harness.Maildir(os.path.join(pair.directory, "fetch-%s" % implicit))
    os.makedirs(os.path.join(box.path, "new"))
    rc = pair.write("fetchmailrc", (
        'poll 127.0.0.1 proto POP3 port %d auth password uidl\n'
        'user "carol@xyz.com" password "%s" %s sslcertck sslcertfile "%s" '
        'sslcommonname localhost keep fetchall no rewrite\nmda "cat >%s/new/$(mktemp -u XXXXXXXX)"\n' % (
            ports(pair, implicit)[1], harness.PASSWORD,
            "ssl" if implicit else 'sslproto "TLS1.2+"', lab.path("ca.crt"),
            box.path)).encode())
    os.chmod(rc, 0o600)
    done = pair.run(["fetchmail", "-f", rc, "-v", "--nodetach", "--nosyslog",
                     "--invisible", "--timeout", "40", "--pidfile",
                     box.path + ".pid", "--idfile", box.path + ".ids"])
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert (b"STLS" in done.stdout) == (not implicit)
    read_one(box, waiting)
