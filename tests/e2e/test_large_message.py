"""A large message passes in pieces: no server ever holds it whole."""

import re
import smtplib

import pytest

import harness

SIZE = 25 * 1024 * 1024
GROWTH_MAX_KIB = 4 * 1024
BOB, CAROL = "bob@xyz.com", "carol@xyz.com"


def status(pid, key):
    """A figure of /proc/PID/status, in KiB."""
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return int(re.search(r"^%s:\s+(\d+) kB" % key, f.read(), re.M)[1])


def forget_peak(pid):
    try:
        with open("/proc/%d/clear_refs" % pid, "w", encoding="ascii") as f:
            f.write("5")
    except OSError:
        pytest.skip("the peak of memory cannot be set back here")


def text_of(subject, size):
    line = b"Lines that nobody will ever read, but in their number...\r\n"
    return b"From: alice@abc.com\r\nSubject: %s\r\n\r\n%s" % (
        subject.encode(), line * (size // len(line)))


def submit(pair, text, port, login):
    with smtplib.SMTP("127.0.0.1", port, "client.test", 60) as s:
        if login:
            s.login("alice@abc.com", harness.PASSWORD)
        assert s.sendmail("alice@abc.com", [BOB, CAROL], text) == {}


@pytest.mark.deadline(120)
@pytest.mark.parametrize("durability", ["strict", "journal"])
def test_no_server_grows_with_the_message(durability):
    if harness.is_sanitized():
        pytest.skip("the sanitizer's own memory is in the way")
    quick = {"server": {"log-level": "info"}}
    with harness.Pair(
            sender={**quick, "queue": {"durability": durability}},
            receiver={**quick, "store": {"durability": durability}}) as pair:
        servers = {"sender": pair.sender.pid, "receiver": pair.receiver.pid}
        # threads, connections and their buffers are there before it begins
        for login in (True, False):
            submit(pair, text_of("first", 300000), pair.submission_port
                   if login else pair.smtp_port, login)
        pair.maildir(CAROL).wait(2)
        pair.wait_queue_empty()
        before = {}
        for name, pid in servers.items():
            forget_peak(pid)
            before[name] = status(pid, "VmRSS")
        submit(pair, text_of("relayed", SIZE), pair.submission_port, True)
        pair.wait_message(CAROL, "relayed", 60)
        submit(pair, text_of("direct", SIZE), pair.smtp_port, False)
        pair.wait_message(CAROL, "direct", 60)
        pair.wait_queue_empty()
        for name, pid in servers.items():
            grown = status(pid, "VmHWM") - before[name]
            print("%s, %s: %d KiB, at most %d more" % (
                durability, name, before[name], grown))
            assert grown < GROWTH_MAX_KIB, name
