"""Mail that waits for its time (RFC 4865), and is taken back (XQUEUE)."""

import contextlib
import datetime
import json
import re
import smtplib
import time

import harness
from harness import Pair

ALICE, BOB, CAROL = "alice@abc.com", "bob@xyz.com", "carol@xyz.com"


@contextlib.contextmanager
def client(pair, login=ALICE):
    with smtplib.SMTP("127.0.0.1", pair.submission_port, timeout=30) as c:
        c.ehlo()
        c.login(login, harness.PASSWORD)
        yield c


def submit(c, subject, *options, sender=ALICE, to=(BOB,)):
    """The id of the message, and what the server said to its end."""
    assert c.mail(sender, options)[0] == 250
    for one in to:
        assert c.rcpt(one)[0] == 250
    code, text = c.data("Subject: %s\r\n\r\nhello\r\n" % subject)
    assert code == 250, text
    return text.decode().split()[1], text.decode()


def admin(pair, *words):
    return pair.run([harness.program("postpair-admin"), "queue", *words, "-c",
                     pair.sender.config])


def state(pair):
    """{id: state} of the queue, as the administrator sees it."""
    rows = [json.loads(line) for line in
            admin(pair, "list", "--json").stdout.splitlines()]
    return {row["id"]: row["state"] for row in rows
            if row.get("type") == "message"}


def test_limits_are_announced_and_held():
    with Pair(sender={"submission": {"future-release-max": "1h"}}) as pair, \
            client(pair) as c:
        c.ehlo()
        interval, latest = c.esmtp_features["futurerelease"].split()
        assert interval == "3600"
        ahead = datetime.datetime.fromisoformat(
            latest.replace("Z", "+00:00")).timestamp() - time.time()
        assert 3590 < ahead < 3610
        assert c.mail(ALICE, ["HOLDFOR=3601"])[0] == 501
        assert c.mail(ALICE, ["HOLDFOR=3600"])[0] == 250
    with Pair(sender={"submission": {"future-release-max": "0"}}) as pair, \
            client(pair) as c:
        c.ehlo()
        assert not c.has_extn("futurerelease")
        assert c.mail(ALICE, ["HOLDFOR=1"])[0] == 555


def test_message_is_delivered_at_its_time_and_not_before():
    with Pair() as pair, client(pair) as c:
        begun = time.monotonic()
        id_, text = submit(c, "later", "HOLDFOR=2")
        assert re.search(r"queued, to be released at 20\S+Z$", text), text
        submit(c, "now", "HOLDUNTIL=2001-01-01T00:00:00Z")
        pair.wait_message(BOB, "now")
        harness.wait_for(lambda: state(pair) == {id_: "scheduled"})
        pair.wait_message(BOB, "later")
        assert time.monotonic() - begun > 1.0  # whole seconds on the wire
        pair.wait_queue_empty()


def test_cut_through_does_not_wait_for_it():
    with Pair(sender={"submission": {"deliver": "cut-through"}}) as pair, \
            client(pair) as c:
        begun = time.monotonic()
        id_, text = submit(c, "later", "HOLDFOR=3600")
        assert "to be released at" in text
        assert time.monotonic() - begun < 5
        assert c.docmd("XQUEUE", "CANCEL " + id_)[0] == 250


def test_it_waits_over_restarts_reloads_and_flushes():
    with Pair() as pair:
        with client(pair) as c:
            id_, _ = submit(c, "later", "HOLDFOR=3600")
        pair.sender.restart()
        pair.sender.process.send_signal(1)  # SIGHUP: everything is tried
        assert admin(pair, "flush").returncode == 0
        retried = admin(pair, "retry", id_)
        assert b"waits for its time" in retried.stdout
        with client(pair) as c:
            submit(c, "now")
        pair.wait_message(BOB, "now")
        harness.wait_for(lambda: state(pair) == {id_: "scheduled"})
        shown = admin(pair, "show", id_).stdout.decode()
        assert "to be released at 20" in shown, shown
        assert admin(pair, "release", id_).returncode == 0
        pair.wait_message(BOB, "later")
        pair.wait_queue_empty()


def test_administrator_cancels_only_what_is_scheduled():
    with Pair() as pair:
        harness.Server.stop(pair.receiver)
        with client(pair) as c:
            later, _ = submit(c, "later", "HOLDFOR=3600")
            now, _ = submit(c, "now")
        done = admin(pair, "cancel", later, now)
        assert done.returncode != 0
        assert b"%s cancelled" % later.encode() in done.stdout
        assert b"%s is not scheduled" % now.encode() in done.stdout
        harness.wait_for(lambda: list(state(pair)) == [now])
        admin(pair, "remove", now)


def test_only_ones_own_is_seen_and_taken_back():
    with Pair() as pair:
        with client(pair) as c:
            id_, _ = submit(c, "hers", "HOLDFOR=3600", to=(BOB, CAROL))
            code, text = c.docmd("XQUEUE", "LIST")
            first, last = text.decode().splitlines()
            assert code == 250
            assert re.fullmatch(
                r"2\.0\.0 %s 20\S+Z \d+ <bob@xyz.com> and 1 more" % id_,
                first), first
            assert last == "2.0.0 1 message"
        with client(pair, BOB) as c:
            assert c.docmd("XQUEUE", "LIST") == (250, b"2.0.0 0 messages")
            no = c.docmd("XQUEUE", "CANCEL " + id_)
            never = c.docmd("XQUEUE", "CANCEL " + "0" * len(id_))
            assert no[0] == never[0] == 550
            assert no[1].replace(id_.encode(), b"0" * len(id_)) == never[1]
        pair.sender.restart()
        with client(pair) as c:
            assert c.docmd("XQUEUE", "CANCEL " + id_)[0] == 250
            assert c.docmd("XQUEUE", "CANCEL " + id_)[0] == 550
            assert c.docmd("XQUEUE", "LIST") == (250, b"2.0.0 0 messages")
        pair.wait_queue_empty()
        assert not pair.maildir(BOB).messages()
        pair.sender.wait_log("cancelled")


def test_a_long_list_says_how_many_there_are():
    with Pair() as pair, client(pair) as c:
        ids = {submit(c, "n%d" % n, "HOLDFOR=3600")[0] for n in range(20)}
        code, text = c.docmd("XQUEUE", "LIST")
        lines = text.decode().splitlines()
        assert code == 250
        shown = {line.split()[1] for line in lines[:-1]}
        assert shown <= ids and 5 < len(shown) < 20
        assert lines[-1] == "2.0.0 20 messages, %d shown" % len(shown)
        for one in ids:
            assert c.docmd("XQUEUE", "CANCEL " + one)[0] == 250


# ---- the shell ---------------------------------------------------------------

LOGIN = "login alice@abc.com --password secret\n"


def test_shell_sends_later_and_takes_back():
    with Pair() as pair:
        out = pair.mailsh(LOGIN + """
compose bob@xyz.com --subject one --body x
send --in 1h
unsend
compose bob@xyz.com carol@xyz.com --subject two --body x
send --at '2099-01-01 12:00'
""", status=1)  # so far ahead is refused, and the draft kept
        assert "to be released at 20" in out, out
        assert re.search(r"^unsent [0-9a-z]{16}$", out, re.M), out
        assert "501 5.5.4" in pair.stderr
        assert not pair.waiting()
        out = pair.mailsh(LOGIN + """
compose bob@xyz.com carol@xyz.com --subject two --body x
send --in 2d
outbox --tsv
""")
        (row,) = [line.split("\t") for line in out.splitlines()
                  if line.endswith("and 1 more")]
        assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d", row[1]), row
        assert row[3] == "<bob@xyz.com> and 1 more"
        # of an earlier session, by its id
        out = pair.mailsh(LOGIN + "unsend %s\noutbox --json\n" % row[0])
        assert "unsent " + row[0] in out and '"id"' not in out
        pair.wait_queue_empty()
        assert not pair.maildir(BOB).messages()


def test_shell_says_what_it_cannot_do():
    with Pair(sender={"submission": {"future-release-max": "0"}}) as pair:
        for line, status, text in (
                ("send --in 5x", 2, "'5x' is not a time"),
                ("send --at 25:00", 2, "'25:00' is not a time"),
                ("send --at '2001-01-01 12:00'", 2, "is over"),
                ("send --in 1m --at 12:00", 2, "either --in or --at"),
                ("send --in 1m", 1, "this server lets no message wait"),
                ("unsend", 2, "nothing was sent yet"),
                ("unsend '../x'", 2, "is no id"),
                ("unsend 0000000000000000", 1, "550 5.5.4")):
            pair.mailsh(LOGIN + "compose bob@xyz.com --body x\n" + line + "\n",
                        status=status)
            assert text in pair.stderr, (line, pair.stderr)
        assert not pair.waiting()
