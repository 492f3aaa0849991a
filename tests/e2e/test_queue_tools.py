"""postpair-admin queue ...: the queue of a running server, seen and changed
through its control socket."""

import contextlib
import json
import os
import re
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
    assert [os.path.basename(p) for p in pair.queue()] == [two]
    done = tool(pair, "queue", "remove", one, two, status=65)
    assert set(done.stdout.splitlines()) == {one + " not in the queue",
                                             two + " removed"}
    assert pair.queue() == []
    assert pair.sender.log().count("queue-removed id=" + one) == 1
    assert len(pair.maildir(ALICE).files()) == reports


def test_nothing_is_changed_by_accident(pair):
    send(pair, ["dave@far.example"])
    for verb in "hold", "release", "retry", "remove":
        done = tool(pair, "queue", verb, status=64)
        assert "which messages?" in done.stderr
    assert len(rows(pair, "queue", "list")) == 1
    assert "all, or a choice" in tool(
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
