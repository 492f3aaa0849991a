"""Delivery status notifications (RFC 3461, 3464), read by Python's email."""

import email
import email.policy
import smtplib
import socket
import threading

import harness
import pytest
from harness import Pair

ALICE, BOB, CAROL = "alice@abc.com", "bob@xyz.com", "carol@xyz.com"
NOBODY = "nobody@xyz.com"

# NOTIFY: what is told of a failure, of a success, of a delay.
NOTIFY = {
    "": ("failed", None, "delayed"),
    "NEVER": (None, None, None),
    "SUCCESS": (None, "relayed", None),
    "FAILURE": ("failed", None, None),
    "DELAY": (None, None, "delayed"),
    "SUCCESS,FAILURE": ("failed", "relayed", None),
    "SUCCESS,DELAY": (None, "relayed", "delayed"),
    "FAILURE,DELAY": ("failed", None, "delayed"),
    "SUCCESS,FAILURE,DELAY": ("failed", "relayed", "delayed"),
}


def session(pair):
    client = smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30)
    client.ehlo()
    client.login(ALICE, "secret")
    return client


def submit(client, recipients, text, mail=(), sender=ALICE):
    """recipients: address to RCPT parameters."""
    code, said = client.mail(sender, list(mail))
    assert code == 250, said
    for address, options in recipients.items():
        code, said = client.rcpt(address, list(options))
        assert code == 250, said
    code, said = client.data(text)
    assert code == 250, said


def wanted(notify):
    return ["NOTIFY=" + notify] if notify else []


class Report:
    """A report, taken apart; its structure is checked on the way."""

    def __init__(self, text):
        message = email.message_from_bytes(text, policy=email.policy.default)
        self.message = message
        assert message["Return-Path"] == "<>"
        assert message["Auto-Submitted"].startswith("auto-replied")
        assert message.get_content_type() == "multipart/report"
        assert not message.defects
        human, status, self.original = message.get_payload()
        self.human = human.get_content()
        assert human.get_content_type() == "text/plain"
        self.type = status.get_content_type()
        kind = self.type.removeprefix("message/")
        assert message.get_param("report-type") == kind
        if kind == "global-delivery-status":  # unknown to Python's parser
            text = status.get_payload()[0].as_bytes().decode("utf-8")
            blocks = [email.message_from_string(block + "\n")
                      for block in text.strip().split("\n\n")]
        else:
            blocks = [b for b in status.get_payload() if b.keys()]
        self.fields, self.recipients = blocks[0], blocks[1:]
        assert self.fields["Reporting-MTA"].startswith("dns;")
        assert self.fields["Arrival-Date"]
        assert self.recipients
        for one in self.recipients:
            assert ";" in one["Final-Recipient"]
            assert one["Status"][1] == "."

    @property
    def envid(self):
        return self.fields["Original-Envelope-Id"]

    def actions(self):
        return {one["Final-Recipient"].split(";")[1].strip(): one["Action"]
                for one in self.recipients}


def reports(pair, user=ALICE):
    return [Report(text) for text in pair.maildir(user).messages()]


def test_dsn_is_offered_where_reports_are_made():
    with Pair() as pair:
        with session(pair) as client:
            assert client.has_extn("dsn")
        # it has no queue to send a report from (RFC 3461 4)
        with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=30) as client:
            client.ehlo()
            assert not client.has_extn("dsn")
            assert client.mail(ALICE, ["RET=FULL"])[0] == 555


def test_every_notify_with_failure_and_success():
    with Pair(sender={"verify": {"enabled": "no"}}) as pair:
        with session(pair) as client:
            for i, notify in enumerate(NOTIFY):
                submit(client, {NOBODY: wanted(notify), BOB: wanted(notify)},
                       b"Subject: both\r\n\r\n", ["ENVID=n%d" % i])
        pair.wait_queue_empty()
        assert len(pair.maildir(BOB).wait(len(NOTIFY))) == len(NOTIFY)
        found = {report.envid: report.actions() for report in reports(pair)}
        want = {}
        for i, (failure, success, _) in enumerate(NOTIFY.values()):
            told = {NOBODY: failure, BOB: success}
            told = {who: what for who, what in told.items() if what}
            if told:
                want["n%d" % i] = told
        assert found == want
        assert len(reports(pair)) == len(want)


def test_every_notify_with_delay():
    port, held = harness.closed_port()
    with Pair(routes={"far.example": "127.0.0.1:%d" % port},
              sender={"queue": {"delay-warning": "1s", "expiry": "4s",
                                "retry-min": "200ms",
                                "retry-max": "400ms"}}) as pair:
        with session(pair) as client:
            for i, notify in enumerate(NOTIFY):
                submit(client, {"dave@far.example": wanted(notify)},
                       b"Subject: slow\r\n\r\n", ["ENVID=n%d" % i])
        pair.wait_queue_empty()
        found = {}
        for report in reports(pair):
            [action] = report.actions().values()
            found.setdefault(report.envid, []).append(action)
            assert report.recipients[0]["Status"][0] == "4"
        want = {"n%d" % i: [what for what in (delay, failure) if what]
                for i, (failure, _, delay) in enumerate(NOTIFY.values())}
        assert {k: sorted(v) for k, v in found.items()} == \
            {k: sorted(v) for k, v in want.items() if v}
        held.close()


def test_what_is_returned_and_named():
    text = b"Subject: return\r\nX-Mark: yes\r\n\r\n.dot\r\nthe body\r\n"
    with Pair(sender={"verify": {"enabled": "no"}}) as pair:
        with session(pair) as client:
            for ret in "FULL", "HDRS":
                submit(client, {NOBODY: ["ORCPT=rfc822;No+2Bone@xyz.com"]},
                       text, ["RET=" + ret, "ENVID=%s+2B1" % ret])
        pair.wait_queue_empty()
        found = {report.envid: report for report in reports(pair)}
        assert set(found) == {"FULL+1", "HDRS+1"}
        full, header = found["FULL+1"], found["HDRS+1"]
        for report in full, header:
            [one] = report.recipients
            assert one["Original-Recipient"] == "rfc822;No+one@xyz.com"
            assert one["Final-Recipient"].split(";")[1].strip() == NOBODY
            assert one["Status"] == "5.1.1"
            assert one["Diagnostic-Code"].startswith("smtp; 550 5.1.1")
            assert one["Remote-MTA"] == "dns; [127.0.0.1]"
        assert full.original.get_content_type() == "message/rfc822"
        [original] = full.original.get_payload()
        assert original["Subject"] == "return"
        assert original.get_payload() == ".dot\nthe body\n"
        assert header.original.get_content_type() == "text/rfc822-headers"
        assert "X-Mark: yes" in header.original.get_payload()
        assert "the body" not in header.message.as_string()


def test_eight_bit_message_comes_back_whole():
    text = "Subject: return\r\nMIME-Version: 1.0\r\n" \
        "Content-Type: text/plain; charset=utf-8\r\n" \
        "Content-Transfer-Encoding: 8bit\r\n\r\nna\u00efve\r\n".encode()
    with Pair(sender={"verify": {"enabled": "no"}}) as pair:
        with session(pair) as client:
            submit(client, {NOBODY: []}, text, ["RET=FULL", "BODY=8BITMIME"])
        [report] = [Report(t) for t in pair.maildir(ALICE).wait(1)]
        [original] = report.original.get_payload()
        assert original.get_content() == "na\u00efve\n"


def test_an_address_in_utf8_is_reported_as_such():
    with Pair(sender={"verify": {"enabled": "no"}}) as pair:
        with session(pair) as client:
            client.command_encoding = "utf-8"
            submit(client, {"n\u00f6body@xyz.com":
                            ["ORCPT=utf-8;n\u00f6body@xyz.com"]},
                   "Subject: gr\u00fc\u00dfe\r\n\r\nhello\r\n".encode(),
                   ["SMTPUTF8", "BODY=8BITMIME"])
        [report] = [Report(t) for t in pair.maildir(ALICE).wait(1)]
        assert report.type == "message/global-delivery-status"
        [one] = report.recipients
        assert one["Final-Recipient"] == "utf-8; n\u00f6body@xyz.com"
        assert one["Original-Recipient"] == "utf-8;n\u00f6body@xyz.com"
        assert report.original.get_content_type() == "message/global-headers"


def test_failure_without_a_sender_goes_to_the_postmaster():
    with Pair(sender={"verify": {"enabled": "no"},
                      "server": {"postmaster": CAROL}}) as pair:
        with session(pair) as client:
            submit(client, {NOBODY: []}, b"Subject: null\r\n\r\n", sender="")
        [report] = [Report(t) for t in pair.maildir(CAROL).wait(1)]
        assert report.actions() == {NOBODY: "failed"}
        assert report.message["To"].addresses[0].addr_spec == CAROL
        pair.wait_queue_empty()


def test_report_that_cannot_be_delivered_ends_at_the_postmaster():
    """alice's mailbox and the postmaster's are unknown at the receiver."""
    with Pair(sender={"verify": {"enabled": "no"},
                      "server": {"postmaster": "gone@xyz.com"}},
              receiver={"domains": {"local": "xyz.com"}}) as pair:
        with session(pair) as client:
            submit(client, {NOBODY: []}, b"Subject: lost\r\n\r\n")
        pair.wait_queue_empty()
        pair.sender.wait_log("bounce-dropped .*gone@xyz.com")
        log = pair.sender.log()
        assert log.count(" bounce id=") == 2
        assert "rcpt=gone@xyz.com action=failed" in log


def test_what_was_asked_survives_a_crash():
    port, held = harness.closed_port()
    with Pair(routes={"xyz.com": "127.0.0.1:%d" % port}) as pair:
        with session(pair) as client:
            submit(client, {BOB: ["NOTIFY=SUCCESS", "ORCPT=x-id;b+2Bob"],
                            CAROL: ["NOTIFY=NEVER"],
                            NOBODY: ["NOTIFY=FAILURE"]},
                   b"Subject: crash\r\n\r\nthe body\r\n",
                   ["RET=FULL", "ENVID=QQ+2B1"])
        pair.sender.kill()
        pair.sender.sections["routes"]["xyz.com"] = \
            "127.0.0.1:%d" % pair.smtp_port
        pair.sender.start()
        pair.wait_message(CAROL, "crash")
        pair.wait_queue_empty()
        [report] = reports(pair)
        assert report.envid == "QQ+1"
        assert report.actions() == {BOB: "relayed", NOBODY: "failed"}
        assert report.recipients[0]["Original-Recipient"] == "x-id;b+ob"
        [original] = report.original.get_payload()
        assert original.get_payload() == "the body\n"
        held.close()


class Peer:
    """A receiver that offers DSN and takes everything; one connection a
    time."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.commands = []
        self.taken = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, client.makefile("rwb") as f:
                self.serve(f)

    def serve(self, f):
        def say(text):
            f.write(text + b"\r\n")
            f.flush()
        say(b"220 peer")
        for line in f:
            command = line.rstrip(b"\r\n").decode()
            self.commands.append(command)
            verb = command[:4].upper()
            if verb == "EHLO":
                say(b"250-peer\r\n250-PIPELINING\r\n250 DSN")
            elif verb == "DATA":
                say(b"354 go on")
                while f.readline() not in (b".\r\n", b""):
                    pass
                self.taken.set()
                say(b"250 2.0.0 taken")
            elif verb == "QUIT":
                return say(b"221 bye")
            else:
                say(b"250 ok")

    def close(self):
        self.listener.close()


@pytest.mark.parametrize("ret", ["FULL", "HDRS"])
def test_what_was_asked_is_passed_on_to_who_offers_dsn(ret):
    peer = Peer()
    with Pair(routes={"far.example": "127.0.0.1:%d" % peer.port},
              sender={"verify": {"enabled": "no"}}) as pair:
        with session(pair) as client:
            submit(client, {
                "dave@far.example": ["NOTIFY=SUCCESS,DELAY",
                                     "ORCPT=rfc822;D+2Bave@far.example"],
                "eve@far.example": ["NOTIFY=NEVER"],
                "fay@far.example": []},
                b"Subject: on\r\n\r\n", ["RET=" + ret, "ENVID=QQ+2B1"])
        assert peer.taken.wait(20)
        pair.wait_queue_empty()
        [mail] = [c for c in peer.commands if c.startswith("MAIL")]
        assert " RET=%s ENVID=QQ+2B1" % ret in mail
        assert [c for c in peer.commands if c.startswith("RCPT")] == [
            "RCPT TO:<dave@far.example> NOTIFY=SUCCESS,DELAY "
            "ORCPT=rfc822;D+2Bave@far.example",
            "RCPT TO:<eve@far.example> NOTIFY=NEVER",
            "RCPT TO:<fay@far.example>"]
        # its success is the peer's to report
        assert reports(pair) == []
    peer.close()
