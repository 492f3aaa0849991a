"""Cut-through: the sender's 250 says what became of the message."""

import re
import smtplib
import socket
import time

import harness
import pytest
from harness import Pair

ALICE, BOB, CAROL = "alice@abc.com", "bob@xyz.com", "carol@xyz.com"
CUT = {"submission": {"deliver": "cut-through"}}


def submit(pair, *to):
    """The reply to the end of data, a line each."""
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as client:
        client.ehlo()
        client.login(ALICE, "secret")
        client.mail(ALICE)
        for one in to:
            assert client.rcpt(one)[0] == 250
        code, text = client.data("Subject: fast\r\n\r\nhello\r\n")
        assert code == 250
        return text.decode().splitlines()


def test_what_was_stored_is_there_when_the_client_hears_it():
    with Pair(sender=CUT) as pair:
        [line] = submit(pair, BOB)
        assert re.fullmatch(r"2\.0\.0 \w{16} stored for 1 recipient", line)
        assert len(pair.maildir(BOB).files("new")) == 1
        [line] = submit(pair, BOB, CAROL)
        assert re.fullmatch(r"2\.0\.0 \w{16} stored for 2 recipients", line)
        assert len(pair.maildir(CAROL).files("new")) == 1


def test_each_recipient_has_a_line_when_their_fates_differ():
    port, held = harness.closed_port()
    sender = harness.merged(CUT, {"verify": {"enabled": "no"}})
    with held, Pair(routes={"far.example": "127.0.0.1:%d" % port},
                    sender=sender) as pair:
        lines = submit(pair, BOB, "dave@far.example", "nobody@xyz.com")
        assert lines[0] == "2.0.0 <bob@xyz.com> stored"
        assert lines[1].startswith("2.0.0 <dave@far.example> queued: 451 4.4.1")
        assert lines[2].startswith("2.0.0 <nobody@xyz.com> failed: 550 5.1.1")
        assert re.fullmatch(r"2\.0\.0 \w{16} queued, 1 of 3 stored, 1 failed",
                            lines[3])
        # one that is known to be down is not waited for
        lines = submit(pair, "dave@far.example")
        assert re.fullmatch(r"2\.0\.0 \w{16} queued", lines[-1])


@pytest.mark.deadline(60)
def test_a_silent_receiver_is_waited_for_as_long_as_configured():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sender = harness.merged(CUT, {
            "submission": {"cut-through-wait": "300ms"},
            "verify": {"enabled": "no"}})
        port = silent.getsockname()[1]
        with Pair(routes={"far.example": "127.0.0.1:%d" % port},
                  sender=sender) as pair:
            began = time.monotonic()
            lines = submit(pair, BOB, "dave@far.example")
            assert 0.3 <= time.monotonic() - began < 10
            assert lines[1] == "2.0.0 <dave@far.example> queued"
            assert re.fullmatch(r"2\.0\.0 \w{16} queued, 1 of 2 stored",
                                lines[2])
            # and the message is in the queue, whatever happens now
            assert len(harness.wait_for(pair.queue)) == 1


def test_the_shell_says_what_became_of_each_recipient():
    port, held = harness.closed_port()
    with held, Pair(routes={"far.example": "127.0.0.1:%d" % port},
                    sender=CUT) as pair:
        text = pair.mailsh(
            "login alice@abc.com --password secret\n"
            "compose --to bob@xyz.com --to dave@far.example --subject x "
            "--body y --no-edit\nsend\n")
        assert re.search(r"250 2\.0\.0 \w{16} queued, 1 of 2 stored\n"
                         r"  bob@xyz\.com: stored\n"
                         r"  dave@far\.example: queued: 451 4\.4\.1 ", text)
