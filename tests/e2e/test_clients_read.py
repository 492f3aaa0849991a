"""Ordinary mail programs read over POP3 what the receiver-side server keeps,
byte for byte."""

import os
import poplib
import shutil
import smtplib

import bodies
import harness
import pytest

RECIPIENT = "bob@xyz.com"


@pytest.fixture(scope="module", name="pair")
def _pair():
    with harness.Pair(sender=False) as pair:
        with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=30) as s:
            for body in bodies.BODIES:
                s.sendmail("alice@abc.com", [RECIPIENT],
                           bodies.message(body, body), ["BODY=8BITMIME"])
        pair.maildir(RECIPIENT).wait(len(bodies.BODIES))
        yield pair


def number_of(pair, body):
    """The message number of a body, by its subject."""
    box = poplib.POP3("127.0.0.1", pair.pop3_port, timeout=30)
    box.user(RECIPIENT)
    box.pass_(harness.PASSWORD)
    try:
        for n in range(1, box.stat()[0] + 1):
            if b"Subject: " + body.encode() in box.top(n, 0)[1]:
                return n
    finally:
        box.quit()
    raise AssertionError("no message with subject " + body)


def with_poplib(pair, body):
    n = number_of(pair, body)
    box = poplib.POP3("127.0.0.1", pair.pop3_port, timeout=30)
    box.user(RECIPIENT)
    box.pass_(harness.PASSWORD)
    lines = box.retr(n)[1]
    size = box.list(n).split()[2]
    box.quit()
    text = b"".join(line + b"\r\n" for line in lines)
    assert int(size) == len(text), "LIST promised another size"
    return text


def with_curl(pair, body):
    done = pair.run(["curl", "-sS", "--max-time", "40", "--user",
                     "%s:%s" % (RECIPIENT, harness.PASSWORD),
                     "pop3://127.0.0.1:%d/%d" % (
                         pair.pop3_port, number_of(pair, body))])
    assert done.returncode == 0, done.stderr
    return done.stdout


def pick(messages, body):
    for text in messages:
        if b"Subject: " + body.encode() + b"\n" in text.replace(b"\r\n", b"\n"):
            return text
    raise AssertionError("%s is not among %d messages" % (body, len(messages)))


def with_mpop(pair, body):
    box = harness.Maildir(os.path.join(pair.directory, "mpop-" + body))
    for folder in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(box.path, folder))
    done = pair.run(["mpop", "--host=127.0.0.1", "--port=%d" % pair.pop3_port,
                     "--tls=off", "--auth=user", "--user=" + RECIPIENT,
                     "--passwordeval=echo " + harness.PASSWORD,
                     "--keep=on", "--received-header=off", "--timeout=40",
                     "--uidls-file=" + box.path + ".uidls",
                     "--delivery=maildir," + box.path])
    assert done.returncode == 0, done.stderr
    return pick(box.messages(), body)


def with_fetchmail(pair, body):
    where = os.path.join(pair.directory, "fetchmail-" + body)
    os.makedirs(where)
    rc = pair.write("fetchmailrc", (
        'poll 127.0.0.1 proto POP3 port %d auth password uidl\n'
        'user "%s" password "%s" sslproto "" keep fetchall no rewrite\n'
        'mda "cat >%s/$(mktemp -u XXXXXXXX)"\n'
        % (pair.pop3_port, RECIPIENT, harness.PASSWORD, where)).encode())
    os.chmod(rc, 0o600)
    done = pair.run(["fetchmail", "-f", rc, "--nodetach", "--nosyslog",
                     "--invisible", "--timeout", "40",
                     "--pidfile", where + ".pid", "--idfile", where + ".ids"])
    assert done.returncode == 0, (done.stdout, done.stderr)
    texts = []
    for name in os.listdir(where):
        with open(os.path.join(where, name), "rb") as f:
            texts.append(f.read())
    return pick(texts, body)


CLIENTS = {"poplib": with_poplib, "curl": with_curl, "mpop": with_mpop,
           "fetchmail": with_fetchmail}


@pytest.mark.parametrize("body", bodies.BODIES)
@pytest.mark.parametrize("client", CLIENTS)
def test_body_is_read_unchanged(pair, client, body):
    if client != "poplib" and shutil.which(client) is None:
        pytest.skip("%s is not installed" % client)
    bodies.assert_same(bodies.body_of(CLIENTS[client](pair, body)), body)


def test_uidl_is_stable_across_sessions_and_a_restart(pair):
    def uidl():
        box = poplib.POP3("127.0.0.1", pair.pop3_port, timeout=30)
        box.user(RECIPIENT)
        box.pass_(harness.PASSWORD)
        ids = box.uidl()[1]
        box.retr(1)
        box.quit()
        return ids

    first = uidl()
    assert len(first) == len(bodies.BODIES)
    assert uidl() == first
    pair.receiver.restart()
    assert uidl() == first


def test_wrong_password_is_refused(pair):
    box = poplib.POP3("127.0.0.1", pair.pop3_port, timeout=30)
    box.user(RECIPIENT)
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
        box.pass_("wrong")
    box.close()
