"""postpair-admin queue ...: the queue of a running server, seen and changed
through its control socket."""

import contextlib
import json
import os
import re
import shutil
import smtplib
import socket
import stat
import subprocess

import harness
import pytest
from harness import Pair, wait_for

ALICE, BOB, CAROL = "alice@abc.com", "bob@xyz.com", "carol@xyz.com"
ID = r"[0-9a-z]{16}"


@pytest.fixture(name="far", scope="module")
def _far():
    """A pair whose receiver for far.example and xyz.com is away."""
    port, held = harness.closed_port()
    away = "127.0.0.1:%d" % port
    with Pair(routes={"far.example": away, "near.example": away},
              sender={"queue": {"retry-min": "1h", "retry-max": "1h"},
                      "relay": {"connect-timeout": "2s"}}) as pair:
        pair.away = away
        yield pair
    held.close()


@pytest.fixture(name="pair")
def _pair(far):
    tool(far, "queue", "remove", "--all")
    wait_for(lambda: not rows(far, "queue", "list"), 20, "an empty queue")
    return far


def tool(pair, *args, status=0):
    done = subprocess.run(
        [harness.program("postpair-admin"), *args, "-c", pair.sender.config],
        capture_output=True, text=True, timeout=60, check=False,
        stdin=subprocess.DEVNULL)
    if status is not None:
        assert done.returncode == status, (args, done.stdout, done.stderr)
    return done


def rows(pair, *args, status=0):
    return [json.loads(line) for line in
            tool(pair, *args, "--json", status=status).stdout.splitlines()]


def send(pair, to, subject="x", sender=ALICE):
    """Send one; returns its id."""
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as c:
        c.ehlo()
        c.login(ALICE, "secret")
        c.mail(sender)
        for one in to:
            assert c.rcpt(one)[0] == 250
        code, text = c.data("Subject: %s\r\n\r\nhello\r\n" % subject)
        assert code == 250
        return re.search(ID, text.decode()).group()


def wait_tried(pair, count):
    """Until so many messages wait for their next try."""
    wait_for(lambda: sum(1 for r in rows(pair, "queue", "list")
                         if r["state"] == "waiting" and
                         r.get("next_try", 0) > 60) == count,
             20, "%d messages tried" % count)


def test_list_tells_what_waits_and_why(pair):
    one = send(pair, ["dave@far.example", "eve@far.example"])
    wait_tried(pair, 1)
    [row] = rows(pair, "queue", "list")
    assert row["id"] == one
    assert (row["sender"], row["recipients"], row["waiting"]) == (ALICE, 2, 2)
    assert row["destination"] == pair.away
    assert row["reply"].startswith("451 4.4.1 ")
    assert row["attempts"] >= 1 and 60 < row["next_try"] <= 3600 * 5 // 4
    text = tool(pair, "queue", "list").stdout
    assert re.search(r"^%s .* waiting .* alice@abc\.com dave@far\.example "
                     r"and 1 more$" % one, text, re.M), text

    shown = rows(pair, "queue", "show", one)
    assert [r["type"] for r in shown] == ["message", "recipient", "recipient"]
    assert [r["address"] for r in shown[1:]] == ["dave@far.example",
                                                 "eve@far.example"]
    assert "eve@far.example" in tool(pair, "queue", "show", one).stdout


def test_filters(pair):
    one = send(pair, ["dave@far.example"])
    two = send(pair, ["eve@near.example"])
    null = send(pair, ["fay@near.example"], sender="")

    def found(*args):
        return {r["id"] for r in rows(pair, "queue", "list", *args)}
    assert found() == {one, two, null}
    assert found(one, two) == {one, two}
    assert found("--sender", ALICE) == {one, two}
    assert found("--sender", "<>") == {null}
    assert found("--sender=@abc.com", "--recipient=eve@near.example") == {two}
    assert found("--recipient", "@near.example") == {two, null}
    assert found("--destination", "far.example") == {one}
    assert found("--destination", pair.away) == {one, two, null}
    assert found("--older-than", "1h") == set()
    assert tool(pair, "queue", "list", "--older-than", "soon",
                status=64).stderr.count("'soon' is not a time")
    assert found("--sender", "o'%=x y@abc.com") == set()


def test_hold_survives_a_restart_and_release_delivers(pair):
    one = send(pair, ["dave@far.example"])
    wait_tried(pair, 1)
    done = tool(pair, "queue", "hold", one)
    assert done.stdout == one + " held\n"
    assert tool(pair, "queue", "hold", one).stdout == one + " is held\n"
    pair.sender.keep_ports()
    pair.sender.kill()
    pair.sender.start()
    [row] = rows(pair, "queue", "list")
    assert row["held"] and row["state"] == "held" and "next_try" not in row
    assert tool(pair, "queue", "retry", one,
                status=65).stdout == one + " is held\n"
    tool(pair, "queue", "flush")
    pair.sender.sections["routes"]["far.example"] = \
        "127.0.0.1:%d" % pair.smtp_port
    seen = len(pair.sender.log())
    pair.sender.reload()
    pair.sender.wait_log(" reloaded ", after=seen)
    [row] = rows(pair, "queue", "list")
    assert row["state"] == "held"
    # the receiver does not know the domain: a report says so at once
    assert tool(pair, "queue", "release", one).stdout == one + " released\n"
    wait_for(lambda: not rows(pair, "queue", "list"), 20, "an empty queue")
    assert len(pair.maildir(ALICE).wait(1)) == 1
    pair.sender.sections["routes"]["far.example"] = pair.away
    seen = len(pair.sender.log())
    pair.sender.reload()
    pair.sender.wait_log(" reloaded ", after=seen)


def test_retry_and_flush_try_now(pair):
    one = send(pair, ["dave@far.example"])
    wait_tried(pair, 1)

    def tries():
        return pair.sender.log().count("delivery id=%s " % one)
    had = tries()
    assert tool(pair, "queue", "retry", one).stdout == one + " due now\n"
    wait_for(lambda: tries() == had + 1, 20, "a try")
    wait_tried(pair, 1)
    tool(pair, "queue", "flush")
    wait_for(lambda: tries() == had + 2, 20, "another try")


def test_remove_leaves_nothing_and_tells_nobody(pair):
    reports = len(pair.maildir(ALICE).files())
    one = send(pair, ["dave@far.example"])
    two = send(pair, ["dave@far.example"])
    wait_tried(pair, 2)
    wait_for(lambda: len(pair.queue()) == 2, 20, "a file for each")
    assert tool(pair, "queue", "remove", one).stdout == one + " removed\n"
    # a checkpoint that still has it in hand takes its file away itself
    wait_for(lambda: [os.path.basename(p) for p in pair.queue()] == [two])
    done = tool(pair, "queue", "remove", one, two, status=65)
    assert set(done.stdout.splitlines()) == {one + " not in the queue",
                                             two + " removed"}
    wait_for(lambda: pair.queue() == [])
    assert pair.sender.log().count("queue-removed id=" + one) == 1
    # also before a checkpoint has given it a file
    new = send(pair, ["dave@far.example"])
    wait_tried(pair, 1)
    assert tool(pair, "queue", "remove", new).stdout == new + " removed\n"
    pair.sender.keep_ports()
    pair.sender.kill()
    pair.sender.start()
    assert rows(pair, "queue", "list") == []
    assert len(pair.maildir(ALICE).files()) == reports


def test_nothing_is_changed_by_accident(pair):
    send(pair, ["dave@far.example"])
    for verb in "hold", "release", "retry", "remove", "cancel":
        done = tool(pair, "queue", verb, status=64)
        assert "which messages? ids, a filter, or --all\n" in done.stderr
    assert len(rows(pair, "queue", "list")) == 1
    assert "--all, or a choice" in tool(
        pair, "queue", "remove", "--all", "--sender", ALICE, status=64).stderr
    assert tool(pair, "queue", "flush", "--all", status=64).stderr
    assert "not a message id" in tool(pair, "queue", "show", "../lock",
                                      status=64).stderr
    assert tool(pair, "queue", "show", status=64).stderr


def ask(pair, line):
    """Raw bytes to the socket; all that comes back."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(os.path.join(pair.directory, "data", "control"))
        data = b""
        # who is refused at the door may find it shut while writing
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            s.sendall(line)
            s.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while more := s.recv(65536):
                data += more
        return data


@pytest.mark.parametrize("line, reason", [
    (b"\n", "unknown request"),
    (b"dance\n", "unknown request 'dance'"),
    (b"list id\n", "key=value"),
    (b"list =x\n", "key=value"),
    (b"list sender=a sender=b\n", "given twice"),
    (b"list sender=%4\n", "not an escape"),
    (b"list sender=%0a\n", "a control byte"),
    (b"list sender=" + b"a" * 400 + b"\n", "too long"),
    (b"list older-than=-1\n", "not a number"),
    (b"remove all=no\n", "not understood"),
    (b"show id=a id=b\n", "one id"),
    (b"list " + b"x" * 9000 + b"\n", "request over"),
    (b"list " + b"id=a " * 257 + b"\n", "more than 256 ids"),
    (b"list \xff\x00\x01=\n", "not understood"),
], ids=lambda value: "" if isinstance(value, bytes) else value)
def test_wrong_requests_get_a_reason(pair, line, reason):
    [end] = [json.loads(x) for x in ask(pair, line).splitlines()]
    assert end["end"] and not end["ok"]
    assert reason in end["reason"]


def test_the_socket_is_for_its_user_alone(pair):
    path = os.path.join(pair.directory, "data", "control")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    # silent and half clients take no one's place for long, and cost nothing
    idle = [socket.socket(socket.AF_UNIX) for _ in range(4)]
    for s in idle:
        s.connect(path)
    wait_for(lambda: b"too many clients" in ask(pair, b"list\n"), 8,
             "a refusal")
    for s in idle:
        s.close()
    wait_for(lambda: b'"ok":true' in ask(pair, b"list\n"), 20, "an answer")


def test_a_server_that_does_not_run_is_named(tmp_path):
    with Pair(start=False) as pair:
        pair.sender.write_config()
        assert "/data: No such file" in tool(pair, "queue", "list",
                                             status=69).stderr
        os.mkdir(os.path.join(pair.directory, "data"))
        done = tool(pair, "queue", "list", status=69)
        assert "postpair-sender does not run on" in done.stderr
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(os.path.join(pair.directory, "data", "control"))
            tool(pair, "queue", "list", status=69)
        pair.kill()
    done = subprocess.run(
        [harness.program("postpair-admin"), "queue", "list", "-c",
         str(tmp_path / "none.conf")], capture_output=True, text=True,
        timeout=30, check=False)
    assert done.returncode == 66


def test_a_thousand_are_listed_while_the_list_is_read_slowly(pair):
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=60) as c:
        c.ehlo()
        c.login(ALICE, "secret")
        for _ in range(600):
            c.sendmail(ALICE, ["dave@far.example"], "Subject: x\r\n\r\n")
    with socket.socket(socket.AF_UNIX) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(30)
        slow.connect(os.path.join(pair.directory, "data", "control"))
        slow.sendall(b"list\n")
        assert slow.recv(1) == b"{"  # under way, and not read further
        assert len(rows(pair, "queue", "list")) == 600
        held = rows(pair, "queue", "hold", "--all")
        assert len(held) == 600
        gone = rows(pair, "queue", "remove", "--sender", ALICE, status=None)
        assert len(gone) == 600
        slow.recv(1 << 20)
    tool(pair, "queue", "remove", "--all")
    wait_for(lambda: not pair.queue(), 20, "an empty queue")


def test_the_trail_shows_every_hop_and_no_secret(pair):
    one = send(pair, [BOB, CAROL], subject="private")
    wait_for(lambda: not rows(pair, "queue", "list"), 20, "an empty queue")
    lines = rows(pair, "trail", one)
    assert {r["type"] for r in lines} == {"line"}
    said = [(r["direction"], r["text"]) for r in lines]
    first = said[0][1]
    assert first.startswith("submitted by alice@abc.com from 127.0.0.1")
    assert ("<", "MAIL FROM:<alice@abc.com>") in said  # the client's
    assert (">", "MAIL FROM:<alice@abc.com>") in [
        (way, text.split(" SIZE")[0].split(" BODY")[0])
        for way, text in said]  # ours
    assert any(way == ">" and text.startswith("RCPT TO:<bob@xyz.com>")
               for way, text in said)
    assert any(way == "=" and text.startswith("2 delivered, 0 deferred")
               for way, text in said)
    text = tool(pair, "trail", one).stdout
    assert "connecting to 127.0.0.1:" in text or "kept connection" in text
    for secret in ("private", "hello", "secret", "AGFsaWNl"):
        assert secret not in text
    for name in os.listdir(os.path.join(pair.directory, "data", "trails")):
        path = os.path.join(pair.directory, "data", "trails", name)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with open(path, "rb") as f:
            assert b"secret" not in f.read()


def test_the_trail_of_what_waits_and_of_nothing(pair):
    one = send(pair, ["dave@far.example"])
    # its destination may be known to be dead: then not at once
    tool(pair, "queue", "retry", one)
    wait_for(lambda: "not reached" in tool(pair, "trail", one).stdout)
    text = tool(pair, "trail", one).stdout
    assert re.search(r"connecting to %s$" % re.escape(pair.away), text, re.M)
    assert "not reached: 451 4.4.1" in text
    done = tool(pair, "trail", "aaaaaaaaaaaaaaaa", status=65)
    assert done.stderr == "postpair-admin: no trail of aaaaaaaaaaaaaaaa\n"
    assert tool(pair, "trail", status=64).stderr.startswith("Usage: ")


def test_why_says_what_becomes_of_an_address(pair):
    send(pair, [BOB])
    wait_for(lambda: not rows(pair, "queue", "list"), 20, "an empty queue")
    [why, tls] = rows(pair, "why", "BOB@XYZ.com")
    assert tls == {"type": "protection", "tls": "may", "remembered": "clear"}
    assert why["address"].lower() == BOB
    assert why["route"] == "127.0.0.1:%d" % pair.smtp_port
    [why, tls] = rows(pair, "why", BOB)
    assert why["verified"] == "yes" and why["reply"].startswith("250 ")
    assert why["remembered"] > 3600 and why["failures"] == 0
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as c:
        c.ehlo()
        c.login(ALICE, "secret")
        c.mail(ALICE)
        assert c.rcpt("nobody@xyz.com")[0] == 550
    text = tool(pair, "why", "nobody@xyz.com").stdout
    assert re.search(r"^verified     no: 550 5\.1\.1 ", text, re.M), text

    one = send(pair, ["dave@far.example"])
    wait_tried(pair, 1)
    why, tls, message = rows(pair, "why", "dave@far.example")
    assert tls["type"] == "protection"
    assert why["verified"] == "unknown" and why["route"] == pair.away
    assert why["failures"] >= 1 and why["why"].startswith("451 4.4.1")
    assert message["id"] == one
    text = tool(pair, "why", "dave@far.example").stdout
    assert "destination  failed " in text and one in text
    assert "route        none: 550 5.1.2" in tool(
        pair, "why", "x@nowhere.example").stdout
    assert tool(pair, "why", "not an address", status=64).stderr


def test_without_trails_none_is_kept():
    with Pair(sender={"queue": {"trails": "no"}}) as pair:
        one = send(pair, [BOB])
        pair.maildir(BOB).wait(1)
        assert "no trails are kept" in tool(pair, "trail", one,
                                            status=75).stderr
        assert not os.path.exists(os.path.join(pair.directory, "data",
                                               "trails"))


def test_the_journal_is_checked_beside_a_running_server(pair, tmp_path):
    def some_records():
        # a checkpoint may come between the two
        send(pair, [BOB])
        done = tool(pair, "journal", "check")
        return re.match(r"[1-9]\d* segments, [1-9]\d* records, ",
                        done.stdout)
    wait_for(some_records, 20, "records")
    directory = os.path.join(pair.directory, "data", "journal")
    # a copy that was damaged
    copy = str(tmp_path / "journal")
    shutil.copytree(directory, copy)
    admin = harness.program("postpair-admin")

    def check(*args):
        return subprocess.run([admin, "journal", "check", *args],
                              capture_output=True, text=True, timeout=60,
                              check=False)
    assert check(copy).returncode == 0
    before = {name: os.stat(os.path.join(copy, name)).st_mtime_ns
              for name in os.listdir(copy)}
    assert before == {name: os.stat(os.path.join(copy, name)).st_mtime_ns
                      for name in os.listdir(copy)}
    assert check("/dev/null/none").returncode == 66
    # where there is none, nothing is said to be fine
    done = check(str(tmp_path / ".."))
    assert (done.returncode, done.stdout) == (66, "")
    assert done.stderr.endswith("/.. holds no journal\n")
    done = check(str(tmp_path))
    assert (done.returncode, done.stdout) == (66, "")
    assert done.stderr.endswith("%s holds no journal: did you mean "
                                "%s/journal?\n" % (tmp_path, tmp_path))
    assert check(copy, copy).returncode == 64
