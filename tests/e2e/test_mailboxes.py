"""Mailboxes that others work on too: odd names, odd headers, what is missing;
what a client then gets over POP3, and who still gets mail."""

import concurrent.futures
import os
import poplib
import shutil
import smtplib
import threading

import pytest

import harness

BOB = "bob@xyz.com"
NAME = "1700000001.dup"


@pytest.fixture(name="pair")
def _pair():
    with harness.Pair(sender=False) as pair:
        yield pair


def smtp(pair):
    return smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=30)


def pop3(pair, user=BOB, utf8=False):
    client = poplib.POP3("127.0.0.1", pair.pop3_port, timeout=30)
    if utf8:
        client.utf8()
    client.user(user)
    client.pass_(harness.PASSWORD)
    return client


def deliver(pair, text, options=(), to=BOB):
    with smtp(pair) as client:
        client.sendmail("a@elsewhere.org", to, text, options)


def put(pair, name, text):
    folder = pair.maildir(BOB).path
    for part in ("tmp", "new", "cur"):
        os.makedirs(os.path.join(folder, part), exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(text)


def fetched(client, number):
    """The message as octets, once RETR has sent what it promised."""
    status, lines, octets = client.retr(number)
    text = b"".join(line + b"\r\n" for line in lines)
    assert int(status.split()[1]) == len(text) == octets
    assert int(client.list(number).split()[2]) == len(text)
    return text


# ---- headers -------------------------------------------------------------


@pytest.mark.parametrize("header", [
    "Subject: Gr\u00fc\u00dfe", "From: J\u00f6rg <j@b.example>",
    "X-Note: caf\u00e9", "To: \u5f20\u4e09 <bob@xyz.com>"])
@pytest.mark.parametrize("utf8", [False, True])
def test_what_came_without_smtputf8_is_given_as_it_came(pair, header, utf8):
    text = (header + "\r\n\r\nx\r\n").encode()
    for one in (b"Subject: 1\r\n\r\n1\r\n", text, b"Subject: 3\r\n\r\n3\r\n"):
        deliver(pair, one)
    client = pop3(pair, utf8=utf8)
    assert fetched(client, 2).endswith(text)
    assert header.encode() in client.top(2, 0)[1]
    assert fetched(client, 3).endswith(b"3\r\n")
    client.quit()


def test_an_internationalized_message_is_downgraded_for_old_clients(pair):
    body = b"\r\ngr\xc3\xbc\xc3\x9fe\r\n"
    header = "Subject: Gr\u00fc\u00dfe\r\nFrom: \u00e9@b.example\r\n" \
        "To: bob@xyz.com\r\n".encode()
    deliver(pair, header + body, ["SMTPUTF8", "BODY=8BITMIME"])
    deliver(pair, b"Subject: plain\r\n\r\nx\r\n")
    client = pop3(pair)
    count, octets = client.stat()
    text = fetched(client, 1)
    assert octets == len(text) + len(fetched(client, 2))
    assert count == 2
    fields, _, rest = text.partition(b"\r\n\r\n")
    assert fields.isascii() and b"\r\n" + rest == body
    assert b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" in text
    assert b"From: =?utf-8?q?=C3=A9=40b=2Eexample?=\r\n " \
        b"<invalid@internationalized-address.invalid>\r\n" in text
    assert b"To: bob@xyz.com\r\n" in text
    top = b"".join(line + b"\r\n" for line in client.top(1, 0)[1])
    assert top == fields + b"\r\n\r\n"
    client.quit()
    # a name of the mailbox, and a client that knows it
    client = pop3(pair, utf8=True)
    assert client.stat()[1] == len(fetched(client, 1)) + len(fetched(client, 2))
    assert fetched(client, 1).endswith(header + body)
    client.quit()


# ---- names ---------------------------------------------------------------


@pytest.mark.parametrize("one,two", [
    ("new/" + NAME, "cur/" + NAME + ":2,S"),
    ("cur/" + NAME + ":2,S", "cur/" + NAME + ":2,"),
    ("new/" + NAME + ",S=16,W=19", "cur/" + NAME + ",S=16,W=19:2,S")])
def test_two_files_of_one_name_stay_and_have_ids_of_their_own(pair, one, two):
    texts = {b"Subject: one\r\n\r\none\r\n", b"Subject: two\r\n\r\ntwo\r\n"}
    for name, text in zip((one, two), sorted(texts)):
        put(pair, name, text.replace(b"\r\n", b"\n"))
    client = pop3(pair)
    assert {fetched(client, 1), fetched(client, 2)} == texts
    ids = {client.uidl(n).split()[2]: fetched(client, n) for n in (1, 2)}
    assert len(ids) == 2
    client.quit()
    client = pop3(pair)
    assert {client.uidl(n).split()[2]: fetched(client, n)
            for n in (1, 2)} == ids
    client.dele(1)
    client.quit()
    client = pop3(pair)
    assert client.stat()[0] == 1
    assert ids[client.uidl(1).split()[2]] == fetched(client, 1)
    client.quit()


@pytest.mark.parametrize("sizes", [
    "S=36,W=40", "S=35,W=36", "S=35,W=38", "S=35,W=99999", "W=5", "S=5",
    "S=-1,W=x", "S=35,W=39"])
def test_a_name_that_lies_about_sizes(pair, sizes):
    text = b"From: a@b.example\nSubject: s\n\nbody\n"
    put(pair, "cur/1700000001.h,%s:2,S" % sizes, text)
    put(pair, "new/1700000002.h", b"x\n")
    for _ in range(2):
        client = pop3(pair)
        assert len(fetched(client, 1)) == len(text) + 4
        assert client.stat() == (2, len(text) + 4 + 3)
        assert client.uidl(1).split()[2] == b"1700000001.h"
        client.quit()
    pair.receiver.restart()
    client = pop3(pair)
    assert client.list(1) == b"+OK 1 %d" % (len(text) + 4)
    client.quit()


# ---- room ----------------------------------------------------------------


def together(count, work):
    """work(i) in so many threads at once; their results."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def ended_at_once(pair, count, recipients, text):
    """So many sessions that all end their message at the same moment: the
    codes they hear."""
    ready = threading.Barrier(count)

    def session(_):
        with smtplib.SMTP("127.0.0.1", pair.smtp_port, timeout=60) as client:
            client.ehlo("c")
            client.mail("a@elsewhere.org")
            for one in recipients:
                assert client.rcpt(one)[0] == 250
            client.putcmd("DATA")
            assert client.getreply()[0] == 354
            client.send(text)
            ready.wait(60)
            client.send(b"\r\n.\r\n")
            return client.getreply()[0]
    return together(count, session)


MESSAGE = b"Subject: x\r\n\r\n" + b"x" * 18000


def stored(pair, user):
    return [os.path.getsize(path) for path in pair.maildir(user).files()]


@pytest.mark.parametrize("over", ["defer", "refuse"])
@pytest.mark.parametrize("durability", ["journal", "strict"])
def test_sessions_that_end_at_once_share_a_quota(over, durability):
    limit = 100 * 1024
    with harness.Pair(sender=False, receiver={"store": {
            "quota": "100K", "over-quota": over,
            "durability": durability}}) as pair:
        codes = ended_at_once(pair, 40, [BOB], MESSAGE)
        sizes = stored(pair, BOB)
        # as many as there is room for, no more and no fewer
        assert sum(sizes) <= limit < sum(sizes) + sizes[0]
        assert codes.count(250) == len(sizes)
        assert set(codes) == {250, 452 if over == "defer" else 552}
        # room that comes free is given again
        client = pop3(pair)
        client.dele(1)
        client.quit()
        codes = ended_at_once(pair, 10, [BOB], MESSAGE)
        assert codes.count(250) == 1


def test_over_a_quota_by_one_message_at_most():
    """One reply for several: who is full by then is not let over once more."""
    with harness.Pair(sender=False, start=False) as pair:
        pair.write_users("bob@xyz.com {PLAIN}secret\n"
                         "dave@xyz.com {PLAIN}secret quota=100K\n")
        pair.start()
        codes = ended_at_once(pair, 40, [BOB, "dave@xyz.com"], MESSAGE)
        sizes = stored(pair, "dave@xyz.com")
        assert sum(sizes) - sizes[0] < 100 * 1024 < sum(sizes)
        assert len(stored(pair, BOB)) == len(sizes) == codes.count(250)
        assert set(codes) == {250, 452}
        # the next try finds out at RCPT, and bob gets it
        with smtp(pair) as client:
            refused = client.sendmail("a@elsewhere.org",
                                      [BOB, "dave@xyz.com"], MESSAGE)
        assert list(refused) == ["dave@xyz.com"]
        assert len(stored(pair, BOB)) == len(sizes) + 1


# ---- one broken mailbox --------------------------------------------------

CAROL = "carol@xyz.com"


def codes_for(pair, recipients, text=b"Subject: x\r\n\r\nx\r\n", options=()):
    """What each recipient hears at RCPT, and all of them at the end."""
    with smtp(pair) as client:
        client.ehlo("c")
        client.mail("a@elsewhere.org", list(options))
        codes = [client.rcpt(one)[0] for one in recipients]
        return codes, client.data(text)[0] if 250 in codes else None


def a_file(path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb"):
        pass


def a_link(path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink("/tmp", path)


@pytest.mark.parametrize("what", ["", "tmp", "new", "cur"])
@pytest.mark.parametrize("by", [a_file, a_link])
@pytest.mark.parametrize("order", [[BOB, CAROL], [CAROL, BOB]])
def test_a_broken_mailbox_is_refused_by_itself(pair, what, by, order):
    bob = pair.maildir(BOB).path
    by(os.path.join(bob, what) if what else bob)
    codes, end = codes_for(pair, order)
    assert codes == [451 if one == BOB else 250 for one in order]
    assert end == 250
    assert len(pair.maildir(CAROL).messages()) == 1
    os.unlink(os.path.join(bob, what) if what else bob)
    assert codes_for(pair, order) == ([250, 250], 250)
    assert len(pair.maildir(BOB).messages()) == 1


def test_a_domain_that_cannot_be_written_is_refused_by_itself(pair):
    root = os.path.dirname(os.path.dirname(pair.maildir(BOB).path))
    a_file(os.path.join(root, "xyz.com"))
    assert codes_for(pair, [BOB, "alice@abc.com"]) == ([451, 250], 250)
    assert len(pair.maildir("alice@abc.com").messages()) == 1


@pytest.mark.parametrize("order", [[BOB, CAROL], [CAROL, BOB]])
@pytest.mark.parametrize("durability", ["journal", "strict"])
def test_a_full_disk_of_one_mailbox(order, durability):
    """A look does not show it: the message waits for all, once; from then on
    that recipient is refused by itself, until there is room."""
    with harness.Pair(sender=False, receiver={
            "store": {"durability": durability}}) as pair:
        carol = pair.maildir(CAROL).path
        with harness.small_disk(carol, "1m"):
            assert codes_for(pair, order) == ([250, 250], 250)
            full = os.path.join(carol, "fill")
            with open(full, "wb", 0) as fill:
                with pytest.raises(OSError):
                    while True:
                        fill.write(b"x" * 4096)
            assert codes_for(pair, order) == ([250, 250], 452)
            alone = [452 if one == CAROL else 250 for one in order]
            for n in range(2):
                assert codes_for(pair, order) == (alone, 250)
                assert len(pair.maildir(BOB).messages()) == 2 + n
            os.unlink(full)
            assert codes_for(pair, order) == ([250, 250], 250)
            assert len(pair.maildir(CAROL).messages()) == 2
            assert os.listdir(os.path.join(carol, "tmp")) == []
            assert not [name for name in os.listdir(os.path.join(carol, "new"))
                        if name.startswith(".")]


def test_directories_removed_under_the_server(pair):
    """Delivery goes on, also for messages that are streamed into tmp/."""
    large = b"Subject: x\r\n\r\n" + (b"y" * 70 + b"\r\n") * 8000
    bob = pair.maildir(BOB).path
    deliver(pair, b"Subject: x\r\n\r\nx\r\n")
    for gone in (["tmp"], ["new"], ["cur"], ["tmp", "new", "cur"], [""]):
        for name in gone:
            shutil.rmtree(os.path.join(bob, name))
        had = len(pair.maildir(BOB).files())
        deliver(pair, b"Subject: x\r\n\r\nx\r\n")
        deliver(pair, large)
        assert len(pair.maildir(BOB).files()) == had + 2, gone
    os.rename(bob, bob + ".old")
    for name in ("tmp", "new", "cur"):
        os.makedirs(os.path.join(bob, name))
    deliver(pair, b"Subject: x\r\n\r\nx\r\n")
    client = pop3(pair)
    assert client.stat()[0] == 1
    client.quit()
