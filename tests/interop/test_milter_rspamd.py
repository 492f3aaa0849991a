"""rspamd signs what users submit and checks what comes in, in one instance with
the configuration of doc/operations.md."""

import os
import re
import smtplib
import socket
import sys
import types

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import milter_neighbour  # noqa: E402
import rspamd  # noqa: E402
from milter_neighbour import harness, txt  # noqa: E402

ALICE, BOB = "alice@abc.com", "bob@xyz.com"
OUTSIDE = "192.0.2.7"
TEXT = ("From: alice@abc.com\r\nTo: bob@xyz.com\r\nSubject: %s\r\n\r\n"
        "hello\r\n")
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    directory = tmp_path_factory.mktemp("keys")
    for path in (directory, *list(directory.parents)[:2]):
        os.chmod(path, 0o755)
    key = milter_neighbour.Key(str(directory), "abc.com")
    records = [txt(key.name, key.record),
               txt("abc.com", "v=spf1 ip4:%s -all" % OUTSIDE),
               txt("_dmarc.abc.com", "v=DMARC1; p=reject")]
    with milter_neighbour.Names(records) as names, \
            rspamd.Rspamd([key], names) as scanner:
        yield key, scanner


def pair_with(scanner):
    return harness.Pair(
        sender={"milters": {"rspamd": scanner.place},
                "submission": {"milters": "rspamd"}},
        receiver={"milters": {"rspamd": scanner.place},
                  "server": {"hostname": "mx.xyz.com"},
                  "smtp": {"milters": "rspamd", "xclient-from": "127.0.0.1"}})


def submit(pair, text):
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=60) as s:
        s.login(ALICE, harness.PASSWORD)
        s.sendmail(ALICE, [BOB], text)


def bring(pair, text, address=OUTSIDE):
    """To the receiver, as a client with this address."""
    with smtplib.SMTP("127.0.0.1", pair.smtp_port, "mail.abc.com",
                      timeout=60) as s:
        s.ehlo()
        assert s.docmd("XCLIENT ADDR=%s NAME=mail.abc.com" % address)[0] == 220
        s.does_esmtp = False
        s.ehlo_resp = s.helo_resp = None
        s.sendmail(ALICE, [BOB], text)


def results(message):
    return b" ".join(re.findall(
        rb"^Authentication-Results: mx\.xyz\.com;((?:.*\n\s.*)+)", message,
        re.M))


def signed(pair, subject):
    """What the sender makes of a message, as it was sent."""
    submit(pair, TEXT % subject)
    stored = pair.wait_message(BOB, subject).replace(b"\n", b"\r\n")
    return stored[stored.index(b"DKIM-Signature:"):]


def test_signs_submitted_mail(running):
    pytest.importorskip("dkim")
    key, scanner = running
    with pair_with(scanner) as pair:
        message = signed(pair, "signed")
        assert b" d=abc.com; s=test;" in message
        assert key.verifies(message)


def test_checks_incoming_mail(running):
    _, scanner = running
    with pair_with(scanner) as pair:
        message = signed(pair, "one")
        bring(pair, message.replace(b"Subject: one", b"X-More: x\r\nSubject: one"))
        harness.wait_for(lambda: len(pair.maildir(BOB).files()) == 2)
        text = pair.maildir(BOB).messages()[1]
        assert b"dkim=pass header.d=abc.com" in results(text)
        assert b"spf=pass" in results(text)
        assert b"dmarc=pass" in results(text)


def test_marks_mail_that_is_not_what_it_says(running):
    _, scanner = running
    with pair_with(scanner) as pair:
        bring(pair, (TEXT % "forged").encode(), "198.51.100.1")
        text = pair.wait_message(BOB, "forged")
        assert b"spf=fail" in results(text) and b"dmarc=fail" in results(text)


def test_spam_is_refused(running):
    _, scanner = running
    with pair_with(scanner) as pair:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            bring(pair, (TEXT % "spam" + GTUBE + "\r\n").encode())
        assert refused.value.smtp_code == 554
        assert pair.maildir(BOB).files() == []


def test_a_scan_that_takes_too_long_makes_mail_wait(running):
    """By itself rspamd lets a message go, unsigned and unchecked, when there
    was no time for all of its tests, as on a busy machine."""
    key, _ = running
    files = {
        "worker-proxy.inc": rspamd.LOCAL_D["worker-proxy.inc"].replace(
            "  timeout = 60s;", "  timeout = 0.2s;"),
        # before all else it asks a name server that never answers
        "rspamd.local.lua": """\
rspamd_config:register_symbol{name = "SLOW", type = "prefilter",
  callback = function(task)
    task:get_resolver():resolve_a{task = task, name = "slow.example",
      callback = function() end}
  end}
"""}
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        names = types.SimpleNamespace(port=silent.getsockname()[1])
        with rspamd.Rspamd([key], names, files) as scanner, \
                pair_with(scanner) as pair:
            with pytest.raises(smtplib.SMTPDataError) as refused:
                submit(pair, TEXT % "late")
            assert refused.value.smtp_code == 451, refused.value
            assert pair.waiting() == []


def test_the_documented_files_are_these():
    with open(os.path.join(harness.top_srcdir(), "doc", "operations.md"),
              encoding="utf-8") as f:
        page = f.read()
    for name, text in rspamd.LOCAL_D.items():
        text = text % {"port": 11332, "keys": "/var/lib/rspamd/dkim",
                       "selector": "mail"}
        assert "# /etc/rspamd/local.d/%s" % name in page
        assert text in page, name
