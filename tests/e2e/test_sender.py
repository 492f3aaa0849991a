"""The sender-side server: its queue, its routes, its life."""

import os
import re
import smtplib
import subprocess

import harness
import pytest
from harness import Pair, Server, wait_for

ALICE, BOB, CAROL = "alice@abc.com", "bob@xyz.com", "carol@xyz.com"


def session(pair, login=ALICE):
    client = smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30)
    client.ehlo()
    client.login(login, "secret")
    return client


def send(pair, to, text, sender=ALICE):
    with session(pair) as client:
        return client.sendmail(sender, to, text)


def hup(pair):
    """Reload the sender's configuration and wait until it says so."""
    seen = len(pair.sender.log())
    pair.sender.reload()
    pair.sender.wait_log(" reloaded ", after=seen)


def test_header_is_mended():
    with Pair() as pair:
        send(pair, [BOB], "Subject: mend\r\nTo: bob@xyz.com\r\n"
                          "Bcc: carol@xyz.com\r\n\r\nhello\r\n")
        text = pair.wait_message(BOB, "mend")
        head, _, body = text.partition(b"\n\n")
        assert b"carol" not in head
        assert re.search(rb"^Date: \w{3}, ", head, re.M)
        assert re.search(rb"^Message-ID: <\w+@localhost>$", head, re.M)
        assert re.search(rb"^From: <?alice@abc\.com>?$", head, re.M)
        assert re.search(rb"with ESMTPA id \w+", head)
        assert body == b"hello\n"


def test_only_ones_own_addresses():
    with Pair() as pair, session(pair) as client:
        assert client.mail(BOB)[0] == 550
        assert client.mail(ALICE)[0] == 250


def test_loop_is_refused():
    hops = "Received: from a by b; Mon, 23 Nov 2026 05:28:01 +0000\r\n" * 100
    with Pair() as pair, session(pair) as client:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail(ALICE, [BOB], hops + "Subject: x\r\n\r\n")
        assert refused.value.smtp_code == 554
        assert refused.value.smtp_error.startswith(b"5.4.6")
        assert client.sendmail(ALICE, [BOB], "Subject: y\r\n\r\n") == {}
        assert pair.left_in_tmp() == []


def test_no_route_is_refused_and_a_default_route_taken():
    with Pair() as pair:
        with session(pair) as client:
            client.mail(ALICE)
            code, text = client.rcpt("x@nowhere.example")
            assert code == 550 and text.startswith(b"5.1.2")
        pair.sender.sections["routes"]["*"] = "127.0.0.1:%d" % pair.smtp_port
        hup(pair)
        with session(pair) as client:
            client.mail(ALICE)
            code, text = client.rcpt("x@nowhere.example")
            assert code == 550 and text.startswith(b"5.7.1"), text


def test_receiver_is_asked_once():
    with Pair() as pair, session(pair) as client:
        for _ in range(5):
            client.mail(ALICE)
            assert client.rcpt(BOB)[0] == 250
            assert client.rcpt("nobody@xyz.com")[0] == 550
            client.rset()
        assert pair.sender.log().count(" verify ") == 2


def test_message_waits_on_disk_until_the_receiver_is_there():
    port, held = harness.closed_port()
    with Pair(routes={"far.example": "127.0.0.1:%d" % port},
              sender={"queue": {"checkpoint": "100ms"}}) as pair:
        with session(pair) as client:
            client.mail(ALICE)
            code, text = client.rcpt("dave@far.example")
            assert code == 250 and b"queued" in text
            assert client.data("Subject: far\r\n\r\nwait\r\n")[0] == 250
        # soon in a file: readable, whole, and still there after a crash
        [path] = harness.wait_for(pair.queue)
        with open(path, "rb") as f:
            text = f.read()
        assert text.startswith(b"postpair-spool 1 ")
        assert b"\nto dave@far.example far.example\n" in text
        assert b"\r\n\r\nwait\r\n" in text
        pair.sender.kill()
        # now the domain has a receiver
        held.close()
        pair.sender.sections["routes"]["far.example"] = \
            "127.0.0.1:%d" % pair.smtp_port
        pair.receiver.sections["domains"]["local"] += " far.example"
        pair.users["dave@far.example"] = "secret"
        pair.write_users()
        pair.receiver.restart()
        pair.sender.start()
        pair.wait_message("dave@far.example", "far")
        pair.wait_queue_empty()


def test_reload_routes_what_waits():
    port, held = harness.closed_port()
    with Pair(routes={"xyz.com": "127.0.0.1:%d" % port},
              sender={"queue": {"retry-min": "1h", "retry-max": "2h",
                                "checkpoint": "100ms"}}) as pair:
        assert send(pair, [BOB], "Subject: later\r\n\r\n") == {}
        assert len(harness.wait_for(pair.queue)) == 1
        pair.sender.sections["routes"]["xyz.com"] = \
            "127.0.0.1:%d" % pair.smtp_port
        hup(pair)
        pair.wait_message(BOB, "later")
        pair.wait_queue_empty()
        held.close()


def test_failure_is_reported_to_the_sender():
    with Pair(sender={"verify": {"enabled": "no"}}) as pair:
        assert send(pair, ["nobody@xyz.com", BOB],
                    "Subject: lost\r\n\r\nwhere?\r\n") == {}
        pair.wait_message(BOB, "lost")
        [report] = pair.maildir(ALICE).wait(1)
        assert report.startswith(b"Return-Path: <>\n")
        assert b"multipart/report" in report
        assert b"Final-Recipient: rfc822; nobody@xyz.com" in report or \
            b"Final-Recipient: rfc822;nobody@xyz.com" in report
        assert b"Status: 5.1.1" in report
        assert b"Subject: lost" in report
        pair.wait_queue_empty()
        # a failing report is dropped, not reported again
        with session(pair) as client:
            client.sendmail("", ["nobody@xyz.com"], "Subject: null\r\n\r\n")
        pair.wait_queue_empty()
        assert len(pair.maildir(ALICE).files()) == 1


def test_expiry_is_reported_to_the_sender():
    port, held = harness.closed_port()
    with Pair(routes={"far.example": "127.0.0.1:%d" % port},
              sender={"queue": {"expiry": "1s", "retry-min": "200ms",
                                "retry-max": "400ms"}}) as pair:
        send(pair, ["dave@far.example"], "Subject: slow\r\n\r\n")
        [report] = pair.maildir(ALICE).wait(1)
        assert b"Status: 4.4.7" in report
        assert b"dave@far.example" in report
        pair.wait_queue_empty()
        held.close()


def test_bad_queue_file_is_set_aside_and_others_are_delivered():
    with Pair(sender={"queue": {"durability": "strict"}}) as pair:
        pair.receiver.keep_ports()
        pair.receiver.kill()
        send(pair, [BOB], "Subject: good\r\n\r\n")
        pair.sender.kill()
        [path] = pair.queue()
        directory = os.path.dirname(path)
        with open(path, "rb") as f:
            good = f.read()
        for name, text in (("cut", good[:100]), ("empty", b""),
                           ("flip", good.replace(b"bob", b"bab")),
                           ("name", good)):
            with open(os.path.join(directory, name), "wb") as f:
                f.write(text)
        pair.receiver.start()
        pair.sender.start()
        pair.wait_message(BOB, "good")
        pair.wait_queue_empty()
        damaged = os.path.join(os.path.dirname(directory), "damaged")
        assert sorted(os.listdir(damaged)) == ["cut", "empty", "flip", "name"]
        assert len(re.findall(r"queue-file-damaged file=\S+ offset=\d+ reason=",
                              pair.sender.log())) == 4
        assert len(pair.maildir(BOB).files()) == 1


def refusal(pair, sections):
    """What a second sender says that cannot start."""
    other = Server("postpair-sender", pair.directory, sections)
    other.config = os.path.join(pair.directory, "other.conf")
    other.write_config()
    done = subprocess.run([harness.program("postpair-sender"), "-f", "-c",
                           other.config], capture_output=True, timeout=30,
                          check=False, text=True)
    assert done.returncode == 1
    return done.stderr


def test_data_directory_is_ours_alone():
    with Pair() as pair:
        sections = harness.merged(pair.sender.sections, {
            "server": {"ports-file": os.path.join(pair.directory, "o.ports")}})
        assert "in use by another server" in refusal(pair, sections)
        loose = os.path.join(pair.directory, "loose")
        os.mkdir(loose)
        os.chmod(loose, 0o777)
        sections["server"]["data-dir"] = loose
        assert "may be written by others" in refusal(pair, sections)
        sections["server"]["data-dir"] = pair.write("file", b"")
        refusal(pair, sections)


def test_background_start_returns_when_ready():
    with Pair(start=False) as pair:
        pair.receiver.start()
        pair.route_to_receiver()
        pair.sender.sections["server"].update({
            "log-file": os.path.join(pair.directory, "background.log"),
            "pid-file": os.path.join(pair.directory, "sender.pid")})
        pair.sender.write_config()
        started = subprocess.run(
            [harness.program("postpair-sender"), "-c", pair.sender.config],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=30,
            check=False, text=True)
        assert started.returncode == 0, started.stderr
        with open(pair.sender.sections["server"]["pid-file"],
                  encoding="ascii") as f:
            pid = int(f.read())
        with open(pair.sender.ports_path, encoding="ascii") as f:
            pair.sender.ports = {"submission": int(f.read().split()[1])}
        send(pair, [BOB], "Subject: background\r\n\r\n")
        pair.wait_message(BOB, "background")
        os.kill(pid, 15)
        wait_for(lambda: not os.path.exists("/proc/%d" % pid) or
                 open("/proc/%d/stat" % pid).read().split()[2] == "Z",
                 20, "the end of the server")
        assert not os.path.exists(pair.sender.ports_path)
        # and one that cannot start says why, in the foreground's place
        pair.sender.sections["server"]["users-file"] = "/nowhere/users"
        pair.sender.write_config()
        failed = subprocess.run(
            [harness.program("postpair-sender"), "-c", pair.sender.config],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=30,
            check=False, text=True)
        assert failed.returncode == 1
        assert "/nowhere/users" in failed.stderr
