"""postpair-sendmail: how cron, git and PHP send; over the server's socket, and
through the maildrop directory while the server is not there."""

import ctypes
import email
import os
import pwd
import re
import resource
import select
import shutil
import signal
import smtplib
import socket
import stat
import subprocess
import threading
import zlib

import pytest

import harness
from fake_milter import CONTINUE, DIE, FakeMilter

ALICE, BOB, CAROL = "alice@abc.com", "bob@xyz.com", "carol@xyz.com"
TEXT = b"Subject: hello\n\nbody\n"
NOBODY = 65534
DROP_GROUP = 65533  # a number will do, nobody is in it
PR_SET_NO_NEW_PRIVS = 38  # prctl(2)


def is_root():
    return os.geteuid() == 0


# What they hand over speaks for root, who is nobody else's to be.
as_root = pytest.mark.skipif(not is_root(), reason="mail of root is root's")


class Local:
    """A pair whose sender has a local socket and a maildrop."""

    def __init__(self, **sections):
        me = {pwd.getpwuid(os.geteuid()).pw_name: ALICE}
        self.pair = pair = harness.Pair(start=False, sender=harness.merged({
            "server": {"hostname": "abc.com"}}, sections), receiver={
                "aliases": {"root": ALICE, "nobody": BOB,
                            "postmaster": CAROL, **me}})
        os.chmod(pair.directory, 0o711)
        self.socket = os.path.join(pair.directory, "s")
        self.maildrop = os.path.join(pair.directory, "maildrop")
        self.programs = os.path.dirname(harness.program("postpair-sendmail"))
        if is_root():
            self.install()
        pair.sender.sections["submission"].update(
            {"local-socket": self.socket, "maildrop": self.maildrop})
        self.config = pair.write("sendmail.conf", harness.ini({"sendmail": {
            "socket": self.socket, "maildrop": self.maildrop,
            "domain": "abc.com", "own-domains": "web1 web1.lan"}}).encode())
        os.chmod(self.config, 0o644)
        pair.receiver.start()
        pair.route_to_receiver()
        pair.sender.start()

    def install(self):
        """As doc/operations.md has it: a group, and a set-group-id program."""
        os.mkdir(self.maildrop)
        os.chown(self.maildrop, -1, DROP_GROUP)
        os.chmod(self.maildrop, 0o730)
        programs = os.path.join(self.pair.directory, "sbin")
        os.mkdir(programs, 0o755)
        for name in ("postpair-sendmail", "postpair-drop"):
            shutil.copy(os.path.join(self.programs, name), programs)
        self.programs = programs
        # the leak checker cannot look into a program with rights of its own
        if not harness.is_sanitized():
            os.chown(self.program("postpair-drop"), 0, DROP_GROUP)
            os.chmod(self.program("postpair-drop"), 0o2755)

    def program(self, name):
        return os.path.join(self.programs, name)

    def command(self, *args):
        return [self.program("postpair-sendmail"), "-C", self.config, *args]

    def sendmail(self, *args, text=TEXT, status=0, **more):
        done = subprocess.run(self.command(*args), input=text, timeout=50,
                              capture_output=True, check=False,
                              env={**os.environ, "NAME": ""}, **more)
        assert not harness.FAULTS.search(done.stderr.decode()), done.stderr
        assert done.returncode == status, (done.returncode, done.stderr)
        return done

    def dropped(self, prefix=""):
        try:
            return [n for n in os.listdir(self.maildrop) if n.startswith(prefix)]
        except FileNotFoundError:
            return []

    def wait_gone(self, name):
        harness.wait_for(lambda: name not in self.dropped(), 30, name + " gone")

    def wait_taken(self):
        harness.wait_for(lambda: not [n for n in self.dropped() if len(n) == 32],
                         30, "an empty maildrop")


@pytest.fixture(name="local")
def _local(request):
    local = Local(**getattr(request, "param", {}))
    with local.pair:
        yield local


class Unix(smtplib.SMTP):
    """smtplib over a local socket."""

    def __init__(self, path):
        self.path = path
        super().__init__("x", 1, timeout=20)

    def _get_socket(self, host, port, timeout):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(timeout)
        s.connect(self.path)
        return s


def header(message):
    return message.partition(b"\n\n")[0]


# ---- over the socket -------------------------------------------------------


def test_sends_as_the_system_user(local):
    local.sendmail(BOB, CAROL)
    me = pwd.getpwuid(os.geteuid()).pw_name
    for user in (BOB, CAROL):
        message = local.pair.wait_message(user, "hello")
        head = header(message)
        assert b"Return-Path: <%s@abc.com>" % me.encode() in head
        assert b"\nFrom: " in head and b"\nDate: " in head
        assert b" with ESMTPA id " in head
        assert message.endswith(b"\n\nbody\n")
    assert local.dropped() == []


def test_recipients_from_the_header(local):
    """As PHP's mail() does it: -t -i, CRLF; what is bare becomes a line end."""
    local.sendmail("-t", "-i", text=b"To: Bob <bob@xyz.com>, (x)\r\n"
                   b" \"C, D\" <carol@xyz.com>\r\nBcc: root\r\n"
                   b"Subject: php\r\n\r\n.\r\none\rtwo\0three\r\n")
    for user in (ALICE, BOB, CAROL):
        message = local.pair.wait_message(user, "php")
        assert b"\nBcc:" not in header(message)
        assert message.endswith(b"\n\n.\none\ntwothree\n")


def test_forms_of_recipients(local):
    """What other sendmails take: who gets it, and no Bcc is left."""
    both = (BOB, CAROL)
    for i, (args, fields, to) in enumerate((
            (("-t", CAROL), "To: bob@xyz.com", both),  # in addition, as Postfix
            (("-ti",), "Bcc: bob@xyz.com,\n\tCarol\n <carol@xyz.com>", both),
            (("-oi", "-t"), "To: Friends: bob@xyz.com, Carol <carol@xyz.com>;", both),
            (("-t",), "To: undisclosed-recipients:;\nBcc: bob@xyz.com", (BOB,)),
            (("-t",), "To: bob@xyz.com (Bob, the (nested) one), (x) carol@(y)xyz.com",
             both),
            (("-t",), "To: bob@xyz.com\nCc:\nBcc: ", (BOB,)),
            (("-t",), "To: Bob X. <bob@xyz.com>, , \"C, D\" <carol@xyz.com>,", both),
            (("-t",), "Resent-To: bob@xyz.com\nTo: carol@xyz.com", (BOB,)),
            (("-t", CAROL), "Resent-Bcc: bob@xyz.com\nTo: alice@abc.com", both))):
        subject = "form %d." % i
        local.sendmail(*args, text=("%s\nSubject: %s\n\nx\n" % (fields, subject))
                       .encode())
        local.pair.wait_queue_empty()
        for user in (ALICE, *both):
            got = [header(m) for m in local.pair.maildir(user).messages()
                   if subject.encode() in m]
            assert len(got) == (user in to), (fields, user)
            assert not re.search(rb"(?im)^(resent-)?bcc: *\S", b"".join(got)), got


def test_as_cron_does(local):
    local.sendmail("-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root",
                   text=b"From: root (Cron Daemon)\nTo: root\n"
                   b"Subject: Cron <root@host> job\nX-Cron-Env: <A=B>\n\n"
                   b"caf\xc3\xa9\n.\nlast")
    message = local.pair.wait_message(ALICE, "Cron <root@host> job")
    assert message.endswith(b"caf\xc3\xa9\n.\nlast\n")
    assert header(message).count(b"\nFrom:") == 1


def test_a_dot_ends_the_message_unless_told_otherwise(local):
    local.sendmail(BOB, text=b"Subject: dot\n\nfirst\n.\nnever seen\n")
    message = local.pair.wait_message(BOB, "dot")
    assert message.endswith(b"\n\nfirst\n")


def test_full_name_and_body_without_header(local):
    local.sendmail("-F", 'A "quoted" \\ name', BOB, text=b"just text\n")
    message = local.pair.maildir(BOB).wait(1)[0]
    assert b'\nFrom: "A \\"quoted\\" \\\\ name" <' in header(message)
    assert message.endswith(b"\n\njust text\n")


def test_one_unknown_recipient_and_nobody_gets_it(local):
    done = local.sendmail(BOB, "nobody-there@xyz.com", CAROL, status=67)
    assert b"nobody-there@xyz.com: 550 5.1.1" in done.stderr
    done = local.sendmail("x@elsewhere.invalid", status=68)
    assert b"550 5.1.2" in done.stderr
    local.pair.wait_queue_empty()
    assert local.pair.maildir(BOB).files() == []
    assert local.dropped() == []


def test_addresses_are_asked_about_and_nothing_is_sent(local):
    done = local.sendmail("-bv", BOB, ALICE, text=b"")
    assert re.fullmatch(rb"bob@xyz\.com\.\.\. 250 .*\n"
                        rb"alice@abc\.com\.\.\. 250 .*\n", done.stdout)
    # every one is asked about, and the first that is none gives the status
    done = local.sendmail("-bv", "zoe@xyz.com", BOB, text=b"", status=67)
    assert re.search(rb"^zoe@xyz\.com\.\.\. 550 5\.1\.1 ", done.stdout)
    assert b"\nbob@xyz.com... 250 " in done.stdout
    local.sendmail("-bv", text=b"", status=64)
    local.sendmail("-bv", "-t", text=b"To: bob@xyz.com\n\n", status=64)
    assert not local.pair.maildir(BOB).files() and not local.pair.waiting()
    local.pair.sender.stop()
    local.sendmail("-bv", BOB, text=b"", status=75)
    assert not local.dropped()


def test_speaks_smtp(local):
    done = local.sendmail("-bs", text=b"NOOP\r\nHELP\r\nMAIL FROM:<>\r\n")
    codes = [line[:3] for line in done.stdout.splitlines()]
    assert codes == [b"220", b"250", b"214", b"503"]
    process = subprocess.Popen(local.command("-bs"), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    with process:
        def line():
            return process.stdout.readline()
        assert line().startswith(b"220")
        process.stdin.write(b"NOOP\r\nQUIT\r\n")
        process.stdin.flush()
        assert line().startswith(b"250") and line().startswith(b"221")
        assert process.wait(20) == 0


@pytest.mark.parametrize("args,status,words", [
    ([], 64, b"no recipient"),
    (["-t"], 65, b"no recipient in the message"),
    (["-Z", BOB], 64, b"unknown option '-Z'"),
    (["-f"], 64, b"a value is missing after '-f'"),
    (["-f", "a@b, c@d", BOB], 64, b"is no address"),
    (["-N", "sometimes", BOB], 64, b"-N is never"),
    (["-R", "all", BOB], 64, b"-R is full or hdrs"),
    (["-bd"], 64, b"no such mode"),
    (["bob@@xyz.com"], 64, b"bob@@xyz.com"),
    (["-C", "/nowhere/x.conf", BOB], 78, b"/nowhere/x.conf"),
    (["-tiZ"], 64, b"unknown option '-tiZ'"),
])
def test_mistakes(local, args, status, words):
    assert words in local.sendmail(*args, status=status).stderr


@pytest.mark.parametrize("key,value,name", [
    ("own-domains", "web2 example.org.", "example.org."),
    ("own-domains", "a..b", "a..b"), ("own-domains", "[127.0.0.1]", "[127.0.0.1]"),
    ("domain", "abc.com.", "abc.com.")])
def test_what_is_no_domain_is_refused(local, key, value, name):
    """As the servers do; a name that matches nothing would be no help."""
    config = local.pair.write("wrong.conf", harness.ini(
        {"sendmail": {key: value}}).encode())
    done = local.sendmail("-C", config, BOB, status=78)
    assert done.stderr.decode() == "postpair-sendmail: %s: sendmail: %s:" \
        " not a domain: %s\n" % (config, key, name)


def test_what_other_sendmails_know_is_passed_over(local):
    local.sendmail("-oi", "-oem", "-odb", "-m", "-n", "-U", "-h", "3", "-Am",
                   "-L", "tag", "-O", "Timeout=1", "-q", "-G", "--", BOB)
    local.pair.wait_message(BOB, "hello")


@as_root
@pytest.mark.parametrize("args,name,value", [
    (["-i", "-FCronDaemon", "-oem", BOB], "From", b"root (Cron Daemon)"),
    (["-i", BOB], "To", b"root (x), \"a b\"\n <alice>"),
    (["-t", "-i", "-odi"], "Reply-To", b"root"),
    (["-t", "-em"], "Sender", b"Cron <root>"),
    (["-t", "-ep"], "Resent-From", b"root"),
    (["-t", "-ee", "-f", "root"], "Cc", b"Team: alice;")])
def test_addresses_without_a_domain_get_it(local, args, name, value):
    local.sendmail(*args, text=b"Bcc: bob@xyz.com\nResent-Bcc: bob@xyz.com\n"
                   b"%s: %s\nSubject: bare\n\nroot\n" % (name.encode(), value))
    message = local.pair.wait_message(BOB, "bare")
    want = value
    for bare in (b"root", b"alice"):
        want = want.replace(bare, bare + b"@abc.com")
    assert b"\n%s: %s\n" % (name.encode(), want) in header(message) + b"\n"
    assert message.endswith(b"\n\nroot\n")


def test_cron_speaks_for_the_user_of_the_job(local):
    """It writes root as the author of every job's output."""
    if not can_be_nobody(local):
        pytest.skip("needs root, and programs that others may run")
    local.sendmail("-FCronDaemon", "-i", "-B8BITMIME", "-oem", BOB, user=NOBODY,
                   text=b"From: root (Cron Daemon)\nTo: bob@xyz.com\n"
                   b"Subject: Cron <nobody@host> true\n\noutput\n")
    head = header(local.pair.wait_message(BOB, "Cron <nobody@host> true"))
    assert b"\nFrom: nobody@abc.com (Cron Daemon)\n" in head


@as_root
def test_localhost_is_no_domain(local):
    """What smartd, mdadm and web applications write."""
    local.sendmail("-t", "-f", "root@localhost", text=b"To: root@localhost,\n"
                   b" \"a@b\"@localhost.localdomain\nBcc: bob@xyz.com\n"
                   b"From: Root <root@localhost>\nSubject: local\n\nx\n",
                   status=67)  # a@b is unknown there
    local.sendmail("-t", "-f", "root@web1.", text=b"To: root@localhost.\n"
                   b"From: Root <root@web1.lan.>\nSubject: local\n\nx\n")
    head = header(local.pair.wait_message(ALICE, "local")) + b"\n"
    assert b"Return-Path: <root@abc.com>\n" in head
    assert b"\nFrom: Root <root@abc.com>\n" in head
    assert b"\nTo: root@abc.com\n" in head


def test_line_ends_of_php(local):
    """CRLF that a program made of LF a second time."""
    local.sendmail("-t", "-i", text=b"To: bob@xyz.com\r\r\nSubject: twice\r\r\n"
                   b"X-A: 1\r\r\n\r\r\nb\r\r\nc\r\r\n")
    message = local.pair.wait_message(BOB, "twice")
    assert b"\nX-A: 1\n" in header(message) + b"\n"
    assert message.endswith(b"\n\nb\nc\n")


def longest_line(message):
    return max(len(line) for line in message.split(b"\n"))


def test_long_lines_are_folded_or_encoded(local):
    """RFC 5322 2.1.1: 998 octets; nothing is lost."""
    body = "\u00e9" * 2500 + " =20\n.\n" + "x" * 5000 + "\n"
    everybody = ", ".join("a%d@xyz.com" % i for i in range(300)) + ", " + BOB
    local.sendmail("-i", BOB, text=(
        "To: %s\nSubject: one line\n\n%s" % (everybody, body)).encode())
    raw = local.pair.wait_message(BOB, "one line")
    assert longest_line(raw) <= 998
    message = email.message_from_bytes(raw)
    assert " ".join(message["To"].split()) == everybody
    assert message.get_payload(decode=True).decode() == body
    assert message.get_content_charset() == "utf-8"
    # in parts, each by itself
    local.sendmail("-i", BOB, text=(
        "Subject: parts\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
        "Content-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: 8bit\n\n%s--b--\n" % body).encode())
    raw = local.pair.wait_message(BOB, "parts")
    assert longest_line(raw) <= 998
    part = email.message_from_bytes(raw).get_payload(0)
    assert part.get_payload(decode=True).decode() == body.rstrip("\n")


def test_what_is_signed_comes_as_it_is(local):
    """A line that was broken would spoil the signature; no hop does so."""
    body = (b"--b\nContent-Type: text/plain\n\n" + b"a line, " * 500 +
            b"\n--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n")
    local.sendmail(BOB, text=b"Subject: signed\nMIME-Version: 1.0\n"
                   b"Content-Type: multipart/signed; micalg=x; boundary=b\n\n" +
                   body)
    raw = local.pair.wait_message(BOB, "signed")
    assert raw.partition(b"\n\n")[2] == body


def test_mbox_and_blank_lines_in_front(local):
    local.sendmail("-t", text=b"\n\nTo: bob@xyz.com\nSubject: blank\n\nb\n")
    assert b"\nTo: bob@xyz.com\n" in header(local.pair.wait_message(BOB, "blank"))
    local.sendmail(BOB, text=b">From x Mon Nov 30 10:00:00 2026\n"
                   b"From x Mon Nov 30 10:00:00 2026\nSubject: mbox\n\nb\n")
    assert b"From x" not in local.pair.wait_message(BOB, "mbox")


def test_mailq_and_newaliases(local):
    """Scripts of packages call them; the administrator's program answers."""
    pair = local.pair
    os.mkdir(os.path.join(pair.directory, "bin"))
    pair.write("bin/postpair-admin", b"#!/bin/sh\necho \"listed: $*\"\n")
    os.chmod(os.path.join(pair.directory, "bin/postpair-admin"), 0o755)
    env = {**os.environ, "PATH": os.path.join(pair.directory, "bin") + ":/bin"}
    links = {name: os.path.join(pair.directory, name)
             for name in ("mailq", "newaliases")}
    for link in links.values():
        os.symlink(harness.program("postpair-sendmail"), link)
    command = harness.program("postpair-sendmail")
    for args, words in (([command, "-bp"], b"listed: queue list\n"),
                        ([links["mailq"]], b"listed: queue list\n"),
                        ([links["newaliases"]], b""), ([command, "-bi"], b""),
                        ([command, "-q"], b""), ([command, "-I"], b"")):
        done = subprocess.run(args, env=env, capture_output=True, timeout=50,
                              check=False, stdin=subprocess.DEVNULL)
        assert (done.returncode, done.stdout) == (0, words), args
    assert pair.maildir(BOB).files() == [] and local.dropped() == []


def test_too_large_is_65(local):
    with open(local.config, "a", encoding="ascii") as f:
        f.write("size-max = 64K\n")
    done = local.sendmail(BOB, text=b"x" * 200000, status=65)
    assert b"over 65536 bytes" in done.stderr


def test_reports_as_asked_for(local):
    local.sendmail("-N", "success", "-R", "hdrs", "-V", "ID42", BOB)
    report = local.pair.maildir(ALICE).wait(1)[0]
    assert b"Action: relayed" in report
    assert b"Original-Envelope-Id: ID42" in report


# ---- who may send as whom ----------------------------------------------------


def can_be_nobody(local, drop=False):
    """May tests do things as another user, and with drop into the maildrop?"""
    if drop and (harness.is_sanitized() or
                 os.statvfs(local.programs).f_flag & os.ST_NOSUID):
        return False
    try:
        return is_root() and subprocess.run(
            local.command("--version"), user=NOBODY, capture_output=True,
            check=False).returncode == 0
    except (PermissionError, OSError):
        return False


def test_others_only_as_themselves(local):
    if not can_be_nobody(local):
        pytest.skip("needs root, and programs that others may run")
    local.sendmail(CAROL, user=NOBODY)
    message = local.pair.wait_message(CAROL, "hello")
    assert b"Return-Path: <nobody@abc.com>" in header(message)
    done = local.sendmail("-f", ALICE, CAROL, user=NOBODY, status=77)
    assert b"550 5.7.1 <alice@abc.com> is not an address of nobody@abc.com" \
        in done.stderr
    local.sendmail("-f", "nobody+tag@abc.com", CAROL, user=NOBODY)
    local.sendmail("-f", ALICE, CAROL)  # root may
    assert len(local.pair.maildir(CAROL).wait(3)) == 3


@pytest.mark.parametrize("local", [{"local-users": {
    "root": "web@abc.com info@abc.com", "nobody": "app@abc.com *"}}],
    indirect=True)
def test_configured_addresses(local):
    if not can_be_nobody(local):
        pytest.skip("needs root, and programs that others may run")
    local.sendmail(BOB)
    local.sendmail(CAROL, user=NOBODY)
    local.sendmail("-f", "anybody@else.org", CAROL, user=NOBODY)
    assert b"Return-Path: <web@abc.com>" in local.pair.maildir(BOB).wait(1)[0]
    paths = sorted(m.splitlines()[0] for m in local.pair.maildir(CAROL).wait(2))
    assert paths == [b"Return-Path: <anybody@else.org>",
                     b"Return-Path: <app@abc.com>"]


# ---- while the server is not there ---------------------------------------------


def test_waits_in_the_maildrop_until_the_server_is_there(local):
    pair = local.pair
    pair.sender.stop()
    assert stat.S_IMODE(os.stat(local.maildrop).st_mode) == \
        (0o730 if is_root() else 0o700)
    local.sendmail("-N", "never", BOB, CAROL, text=b"Subject: later\n\ncaf\xe9\n")
    name, = local.dropped()
    path = os.path.join(local.maildrop, name)
    assert len(name) == 32 and stat.S_IMODE(os.stat(path).st_mode) == 0o644
    pair.sender.start()
    for user in (BOB, CAROL):
        assert pair.wait_message(user, "later").endswith(b"caf\xe9\n")
    local.wait_taken()
    # and at once while it runs
    pair.sender.stop()
    local.sendmail(BOB, text=b"Subject: again\n\n")
    os.rename(os.path.join(local.maildrop, local.dropped()[0]),
              os.path.join(pair.directory, "0" * 32))
    pair.sender.start()
    os.rename(os.path.join(pair.directory, "0" * 32),
              os.path.join(local.maildrop, "0" * 32))
    pair.wait_message(BOB, "again")
    local.wait_taken()


MANY = ["bob+%d@xyz.com" % i for i in range(999)] + [CAROL]


def check_sent_at_once(local):
    """One message in the queue for all of them, and one in each mailbox."""
    local.wait_taken()
    local.pair.wait_queue_empty()
    log = local.pair.sender.log()
    assert re.findall(r" queued .*rcpts=(\d+)", log) == ["1000"]
    for user in (BOB, CAROL):
        assert len(local.pair.maildir(user).wait(1)) == 1


def test_many_recipients_are_one_file(local):
    local.pair.sender.stop()
    local.sendmail(*MANY)
    assert len(local.dropped()) == 1
    local.pair.sender.start()
    check_sent_at_once(local)


def test_many_recipients_are_one_transaction(local):
    local.sendmail(*MANY)
    check_sent_at_once(local)
    done = local.sendmail(*MANY, "one@more.org", status=64)
    assert b"over 1000 recipients" in done.stderr


def test_the_maildrop_has_it_for_all_recipients_or_for_none(local):
    """The addresses behind the first hundred do not fit; who is told 75 sends
    it again, to all of them."""
    local.pair.sender.stop()
    to = ["b+%d@xyz.com" % i for i in range(100)] + \
        ["bob+%055d@xyz.com" % i for i in range(100)]
    local.sendmail(*to, status=75, preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_FSIZE, (6000, 6000)))
    assert local.dropped() == []
    local.sendmail(*to)
    assert len(local.dropped()) == 1


def test_neither_server_nor_maildrop_is_75(local):
    local.pair.sender.stop()
    os.rmdir(local.maildrop)
    done = local.sendmail(BOB, status=75)
    assert b"maildrop" in done.stderr and b"cannot connect" in done.stderr
    done = local.sendmail("-bs", status=75, text=b"")
    assert done.stdout.startswith(b"421 4.3.2 ")


def test_a_silent_server_is_no_server(local):
    local.pair.sender.stop()
    with open(local.config, "a", encoding="ascii") as f:
        f.write("command-timeout = 200ms\n")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(local.socket)
        silent.listen(5)
        local.sendmail(BOB)
    assert len(local.dropped()) == 1
    os.unlink(local.socket)
    local.pair.sender.start()
    local.pair.wait_message(BOB, "hello")


class Tired:
    """A socket that takes every address and then nothing more."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(1)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        client, _ = self.socket.accept()
        with client, client.makefile("rwb", 0) as lines:
            lines.write(b"220 tired.test\r\n")
            for line in lines:
                is_end = line.upper().startswith(b"RSET")
                lines.write(b"421 4.3.2 Too tired to go on\r\n" if is_end
                            else b"250 2.0.0 OK\r\n")

    def close(self):
        self.thread.join(60)
        self.socket.close()


def test_what_a_server_says_behind_the_addresses_is_told(local):
    tired = Tired(local.socket + "2")
    local.config = local.pair.write("tired.conf", harness.ini({"sendmail": {
        "socket": local.socket + "2", "domain": "abc.com",
        "maildrop": local.maildrop + "/none"}}).encode())
    done = local.sendmail(BOB, status=75)
    tired.close()
    assert b"Too tired to go on" in done.stderr


class Deaf:
    """A socket before the server's: what the client says arrives, and the
    server's word that it has a message is lost."""

    def __init__(self, path, server):
        self.server = server
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(1)
        self.lost = 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        client, _ = self.socket.accept()
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self.server)
            while True:
                ready, _, _ = select.select([client, server], [], [], 30)
                if not ready:
                    return
                data = ready[0].recv(65536)
                if not data:
                    return
                if ready[0] is server and b" queued" in data:
                    self.lost += 1
                    return
                (server if ready[0] is client else client).sendall(data)

    def close(self):
        self.thread.join(60)
        self.socket.close()


@pytest.mark.parametrize("local", [
    {"queue": {"durability": d}} for d in ("journal", "strict")],
    indirect=True)
def test_a_reply_that_is_lost_makes_no_second_copy(local):
    """The server has the message, the command does not hear of it and leaves
    it in the maildrop too."""
    deaf = Deaf(local.socket + "2", local.socket)
    local.config = local.pair.write("deaf.conf", harness.ini({"sendmail": {
        "socket": local.socket + "2", "maildrop": local.maildrop,
        "domain": "abc.com"}}).encode())
    local.sendmail(BOB, CAROL)
    deaf.close()
    assert deaf.lost == 1
    local.wait_taken()
    local.pair.sender.wait_log("maildrop-taken")
    local.pair.wait_queue_empty()
    for user in (BOB, CAROL):
        assert len(local.pair.maildir(user).files()) == 1
    local.pair.sender.restart()
    local.pair.wait_queue_empty()
    for user in (BOB, CAROL):
        assert len(local.pair.maildir(user).files()) == 1


def test_an_id_names_a_message_of_its_user_alone(local):
    """Over the socket: the same id twice is one message, and a recipient who
    is new gets it.  Others are not believed at all."""
    me = pwd.getpwuid(os.geteuid()).pw_name + "@abc.com"

    def send(*recipients):
        with Unix(local.socket) as client:
            client.ehlo()
            assert client.has_extn("xpostpairid")
            assert client.mail(me, ["XPOSTPAIRID=abc"])[0] == 250
            for recipient in recipients:
                assert client.rcpt(recipient)[0] == 250
            assert client.data(TEXT.replace(b"\n", b"\r\n"))[0] == 250

    send(BOB)
    send(BOB)
    send(BOB, CAROL)
    send(CAROL, BOB)
    local.pair.wait_queue_empty()
    for user in (BOB, CAROL):
        assert len(local.pair.maildir(user).wait(1)) == 1
    with smtplib.SMTP("127.0.0.1", local.pair.submission_port) as client:
        client.ehlo("localhost")
        assert not client.has_extn("xpostpairid")


def test_what_is_refused_is_reported_to_the_owner(local):
    local.pair.sender.stop()
    local.sendmail(BOB, "unknown@xyz.com")
    local.pair.sender.start()
    local.pair.wait_message(BOB, "hello")
    report = local.pair.maildir(ALICE).wait(1)[0]  # root's mail
    assert b"Final-Recipient: rfc822; unknown@xyz.com" in report
    assert b"550 5.1.1" in report and b"Subject: hello" in report
    assert b"bob@xyz.com" not in report
    local.wait_taken()


def test_a_report_that_is_put_off_is_made_later(local):
    sender, ends = local.pair.sender, [[DIE]]
    with FakeMilter({"end": lambda _: ends[-1]}) as milter:
        sender.stop()
        sender.sections["milters"] = {"m": milter.place}
        sender.sections["submission"]["milters"] = "m"
        local.sendmail("unknown@xyz.com")
        sender.start()
        sender.wait_log("maildrop-later .*report: ")
        ends.append([CONTINUE])
        # a name that appears, so that the directory is looked at again
        local.pair.write("b", b"")
        os.rename(os.path.join(local.pair.directory, "b"),
                  os.path.join(local.maildrop, "tmp." + "b" * 32))
        report = local.pair.maildir(ALICE).wait(1)[0]
        assert b"Final-Recipient: rfc822; unknown@xyz.com" in report
        local.wait_taken()
        assert not local.dropped("dead.")


def test_kill_between_drop_and_delivery_loses_and_doubles_nothing(local):
    pair = local.pair
    pair.sender.stop()
    subjects = ["m%d" % i for i in range(30)]
    for subject in subjects:
        local.sendmail(BOB, text=b"Subject: %s\n\n" % subject.encode())
    for part in range(1, 4):  # killed while it takes them in
        pair.sender.start()
        harness.wait_for(lambda: len(local.dropped()) <= 30 - 6 * part, 20,
                         "some to be taken")
        pair.sender.kill()
    pair.sender.start()
    local.wait_taken()
    pair.wait_queue_empty()
    found = b"".join(pair.maildir(BOB).messages())
    for subject in subjects:
        assert found.count(b"Subject: %s\n" % subject.encode()) == 1


def test_a_command_that_is_killed_leaves_no_message(local):
    local.pair.sender.stop()
    with subprocess.Popen(local.command(BOB), stdin=subprocess.PIPE) as process:
        process.stdin.write(TEXT)
        process.stdin.flush()
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    assert [n for n in local.dropped() if len(n) == 32] == []
    local.pair.write("maildrop/tmp." + "a" * 32, b"half")
    local.pair.sender.start()
    local.sendmail(BOB, text=b"Subject: alive\n\n")
    local.pair.wait_message(BOB, "alive")
    assert local.dropped() == ["tmp." + "a" * 32]  # young: somebody may write it


# ---- what others may put there -----------------------------------------------


def drop_text(text, recipients=(BOB,), sender="root@abc.com"):
    head = "postpair-maildrop 1\nfrom <%s>\n" % sender
    head += "".join("to <%s>\n" % r for r in recipients)
    return head.encode() + b"message %d %08x\n\n" % (len(text),
                                                     zlib.crc32(text)) + text


@as_root
def test_hostile_files(local):
    pair = local.pair
    pair.sender.stop()
    drop = local.maildrop
    secret = pair.write("secret", drop_text(b"Subject: secret\n\n"))
    good = drop_text(b"Subject: good\n\n")

    def path(digit):
        return os.path.join(drop, digit * 32)

    def put(digit, data, mode=0o644):
        with open(path(digit), "wb") as f:
            os.fchmod(f.fileno(), mode)
            f.write(data)

    os.symlink(secret, path("1"))
    os.link(secret, path("2"))
    os.mkfifo(path("3"))
    os.mkdir(path("4"))
    put("5", b"")
    os.truncate(path("5"), 1 << 33)  # sparse, over size-max
    put("6", b"not a maildrop file\n")
    put("7", good.replace(b"good", b"bad!"))
    put("8", good + b"more")
    put("9", good, mode=0o666)  # anybody's words
    put("a", drop_text(b"Subject: x\n\n", ["x@xyz.com\nto <bob@xyz.com"]))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path("b"))
    os.symlink("/dev/zero", path("c"))
    if os.geteuid() == 0:
        os.mknod(path("d"), 0o644 | stat.S_IFCHR, os.makedev(1, 5))
        os.mknod(path("e"), 0o644 | stat.S_IFBLK, os.makedev(259, 9999))
    put("f", good)
    pair.sender.start()
    pair.wait_message(BOB, "good")
    local.wait_taken()
    assert len(pair.maildir(BOB).files()) == 1
    # what was a message once is kept for a person
    assert sorted(n[5] for n in local.dropped("dead.")) == ["6", "7", "8", "a"]
    assert len(local.dropped()) == 4
    with open(secret, "rb") as f:
        assert b"secret" in f.read()
    for reason in ("no regular file", "it has another name", "too large",
                   "others may write to it", "its checksum is wrong"):
        pair.sender.wait_log("maildrop-(refused|damaged) .*" + reason)


def test_a_file_of_another_user_speaks_for_that_user_alone(local):
    if not can_be_nobody(local, drop=True):
        pytest.skip("needs root, and programs that others may run")
    local.pair.sender.stop()
    local.sendmail("-f", ALICE, CAROL, user=NOBODY)
    local.sendmail(CAROL, user=NOBODY, text=b"Subject: own\n\n")
    with pytest.raises(PermissionError):  # nobody sees what others have there
        list_as(NOBODY, local.maildrop)
    local.pair.sender.start()
    message = local.pair.wait_message(CAROL, "own")
    assert b"Return-Path: <nobody@abc.com>" in header(message)
    report = local.pair.maildir(BOB).wait(1)[0]  # nobody's mail
    assert b"<alice@abc.com> is not an address of nobody@abc.com" in report
    assert len(local.pair.maildir(CAROL).files()) == 1


def list_as(uid, path):
    """Look into a directory as another user."""
    done = subprocess.run(["ls", path], user=uid, capture_output=True,
                          check=False)
    if done.returncode != 0:
        raise PermissionError(done.stderr.decode())


@pytest.mark.parametrize("mode", [0o1733, 0o777, 0o1777, 0o733, 0o755, 0o770,
                                  0o2730, 0o731, 0o720])
def test_a_maildrop_that_is_open_is_refused(local, mode):
    local.pair.sender.stop()
    before = stat.S_IMODE(os.stat(local.maildrop).st_mode)
    os.chmod(local.maildrop, mode)
    with pytest.raises(AssertionError, match="its mode is .* must be 0730"):
        local.pair.sender.start()
    local.pair.sender.process = None
    # nor does the program put anything there
    if not is_root():
        assert b"its mode is" in local.sendmail(BOB, status=75).stderr
    os.chmod(local.maildrop, before)


def as_nobody(script, *args):
    """Python as another user; what it prints."""
    done = subprocess.run(
        ["/usr/bin/python3", "-c", "import os, shutil, sys\n" + script, *args],
        user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", check=False,
        capture_output=True, text=True, timeout=50, stdin=subprocess.DEVNULL)
    return done.stdout + done.stderr


TRY = """
for way in (lambda: os.rename(sys.argv[1], sys.argv[2]),
            lambda: os.link(sys.argv[1], sys.argv[2]),
            lambda: os.symlink(sys.argv[1], sys.argv[2]),
            lambda: os.mkdir(sys.argv[2]),
            lambda: open(sys.argv[2], "w"),
            lambda: os.listdir(os.path.dirname(sys.argv[2]))):
    try:
        way()
        print("done")
    except PermissionError:
        pass
"""


def test_nothing_of_another_owner_is_taken(local):
    """What root copies into a stranger's directory is not root's mail."""
    if not can_be_nobody(local, drop=True):
        pytest.skip("needs root, and programs that others may run")
    pair = local.pair
    pair.sender.stop()
    theirs = os.path.join(pair.directory, "theirs")
    os.mkdir(theirs)
    os.chown(theirs, NOBODY, NOBODY)
    source = os.path.join(pair.directory, "source")
    os.mkdir(source, 0o755)
    forged = drop_text(b"Subject: forged\n\n")
    for digit in "abc":
        path = os.path.join(source, digit * 32)
        with open(path, "wb") as f:
            os.fchmod(f.fileno(), 0o644)
            f.write(forged)
    # root's copies, by whatever means, and of the maildrop as a backup has it
    subprocess.run(["cp", "-a", source, theirs + "/copy"], check=True)
    if shutil.which("rsync"):
        subprocess.run(["rsync", "-a", source + "/", theirs + "/copy/"],
                       check=True)
    shutil.copy(source + "/" + "a" * 32, theirs)
    subprocess.run(["cp", "-a", local.maildrop, theirs + "/drop"], check=True)
    for digit in "abc":
        at = os.path.join(local.maildrop, digit * 32)
        for path in (theirs + "/" + "a" * 32, theirs + "/copy/" + digit * 32,
                     theirs + "/copy", theirs + "/drop"):
            assert as_nobody(TRY, path, at) == ""
    # no group of its own makes a directory one: nobody is in it
    refused = as_nobody("os.mkdir(sys.argv[1], 0o730)\n"
                        "os.chown(sys.argv[1], -1, %d)" % DROP_GROUP,
                        theirs + "/mine")
    assert "PermissionError" in refused
    for directory in (theirs, theirs + "/mine", "/tmp", source):
        done = subprocess.run([local.program("postpair-drop"), directory, "4",
                               "ab" * 16],
                              input=b"text", user=NOBODY, group=NOBODY,
                              capture_output=True, check=False)
        assert done.returncode == 75, directory
        assert b"mode" in done.stderr or b"group" in done.stderr
    local.sendmail(CAROL, user=NOBODY, text=b"Subject: own\n\n")
    assert local.dropped("tmp.") == [] and len(local.dropped()) == 1
    assert os.stat(os.path.join(local.maildrop, local.dropped()[0])).st_uid \
        == NOBODY
    pair.sender.start()
    pair.wait_message(CAROL, "own")
    local.wait_taken()
    pair.wait_queue_empty()
    assert pair.maildir(BOB).files() == []


@as_root
def test_the_drop_program_takes_whole_messages_alone(local):
    local.pair.sender.stop()
    drop = local.program("postpair-drop")
    text = drop_text(b"Subject: direct\n\n")
    name = "0123456789abcdef" * 2

    def run(*args, data=text, **more):
        return subprocess.run([drop, *args], input=data, capture_output=True,
                              check=False, timeout=50, **more)

    for size in (len(text) - 1, len(text) + 1, 0):
        done = run(local.maildrop, str(size), name)
        assert done.returncode == 75, size
    for args in ([], [local.maildrop], [local.maildrop, "1"],
                 [local.maildrop, "-1", name], [local.maildrop, "1e3", name],
                 [local.maildrop, "9" * 16, name],
                 [local.maildrop, "1", name, "x"], [local.maildrop, "1", "x"],
                 [local.maildrop, "1", name[1:]],
                 [local.maildrop, "1", name + "0"],
                 [local.maildrop, "1", name[1:] + "/"],
                 [local.maildrop, "1", name[1:] + "A"]):
        assert run(*args).returncode == 64, args
    done = run(local.maildrop + "/none", str(len(text)), name)
    assert done.returncode == 75 and b"ENOENT" in done.stderr
    assert local.dropped() == []
    # closed descriptors do not become the file
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" "$1" "$2" "$3" <&- >&- 2>&-', drop,
         local.maildrop, str(len(text)), name], check=False, timeout=50)
    assert done.returncode == 75 and local.dropped() == []
    assert run(local.maildrop, str(len(text)), name,
               env={"LANG": "x", "PATH": "/nowhere"}).returncode == 0
    assert local.dropped() == [name]
    # nobody's file is replaced
    assert run(local.maildrop, str(len(text)), name).returncode == 75
    assert local.dropped() == [name]
    local.pair.sender.start()
    local.pair.wait_message(BOB, "direct")


def test_the_drop_program_links_the_c_library_alone():
    path = os.path.join(os.path.dirname(harness.program("postpair-sendmail")),
                        "postpair-drop")
    if harness.is_sanitized() or not shutil.which("readelf"):
        pytest.skip("needs readelf, and a build without sanitizers")
    done = subprocess.run(["readelf", "-d", path], check=True,
                          capture_output=True, text=True)
    assert re.findall(r"NEEDED.*\[(.*)\]", done.stdout) == ["libc.so.6"]
    assert "RPATH" not in done.stdout and "RUNPATH" not in done.stdout


def no_new_privileges():
    libc = ctypes.CDLL(None)
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0


def test_without_new_privileges_the_socket_serves(local):
    """As in a service with NoNewPrivileges=: no set-group-id program."""
    if not can_be_nobody(local, drop=True):
        pytest.skip("needs root, and programs that others may run")
    local.sendmail(BOB, user=NOBODY, preexec_fn=no_new_privileges)
    local.pair.wait_message(BOB, "hello")
    local.pair.sender.stop()
    done = local.sendmail(BOB, user=NOBODY, status=75,
                          preexec_fn=no_new_privileges)
    assert b"no_new_privs" in done.stderr
    assert local.dropped() == []
    local.pair.sender.start()


def said(local, event):
    """Lines of an event for administrators, not for debugging."""
    return [line for line in local.pair.sender.log().splitlines()
            if " %s " % event in line and " debug " not in line]


def test_what_cannot_be_removed_is_said_once(local):
    local.pair.sender.stop()
    os.makedirs(os.path.join(local.maildrop, "d" * 32, "below"))
    local.pair.sender.start()
    local.pair.sender.wait_log("maildrop-stuck file=d{32}")
    for i in range(20):  # each is a look at the whole directory
        subject = b"m%d" % i
        text = drop_text(b"Subject: %s\n\n" % subject)
        name = "%032x" % i
        path = local.pair.write(name, text)
        os.chmod(path, 0o644)
        os.rename(path, os.path.join(local.maildrop, name))
        local.wait_gone(name)
    assert len(said(local, "maildrop-stuck")) == 1
    assert len(said(local, "maildrop-refused")) == 1


def test_what_is_taken_and_stays_is_sent_once(local):
    path = os.path.join(local.maildrop, "e" * 32)
    local.pair.sender.stop()
    with open(path, "wb") as f:
        os.fchmod(f.fileno(), 0o644)
        f.write(drop_text(b"Subject: stays\n\n"))
    if not shutil.which("chattr") or subprocess.run(
            ["chattr", "+i", path], check=False,
            capture_output=True).returncode != 0:
        pytest.skip("no file can be made immutable here")
    try:
        local.pair.sender.start()
        local.pair.wait_message(BOB, "stays")
        for i in range(3):
            local.pair.write("maildrop/" + "tmp.%032x" % i, b"")
            os.rename(os.path.join(local.maildrop, "tmp.%032x" % i),
                      os.path.join(local.maildrop, "%032x" % i))
            local.wait_gone("%032x" % i)
    finally:
        subprocess.run(["chattr", "-i", path], check=True)
    assert len(local.pair.maildir(BOB).files()) == 1
    assert len(said(local, "maildrop-stuck")) == 1


# ---- others' programs ----------------------------------------------------------


def test_git_send_email(local):
    if subprocess.run(["git", "send-email", "--dump-aliases"],
                      capture_output=True, check=False,
                      stdin=subprocess.DEVNULL).returncode != 0:
        pytest.skip("git send-email is not installed")
    pair = local.pair
    script = pair.write("sm", b"#!/bin/sh\nexec %s \"$@\"\n" % " ".join(
        local.command()).encode())
    os.chmod(script, 0o755)
    repo = os.path.join(pair.directory, "repo")
    env = {**pair.environment(), "GIT_CONFIG_NOSYSTEM": "1",
           "GIT_AUTHOR_NAME": "Alice", "GIT_AUTHOR_EMAIL": ALICE,
           "GIT_COMMITTER_NAME": "Alice", "GIT_COMMITTER_EMAIL": ALICE}

    def git(*args):
        return subprocess.run(["git", *args], cwd=repo, env=env, timeout=50,
                              capture_output=True, check=True,
                              stdin=subprocess.DEVNULL)

    os.mkdir(repo)
    git("init", "-q")
    with open(os.path.join(repo, "file"), "w", encoding="ascii") as f:
        f.write("text\n.\n")
    git("add", "file")
    git("commit", "-q", "-m", "A first patch")
    git("format-patch", "-1", "--root")
    git("send-email", "--smtp-server=" + script, "--to", BOB, "--cc", CAROL,
        "--from", ALICE, "--confirm=never", "0001-A-first-patch.patch")
    for user in (BOB, CAROL):
        message = pair.wait_message(user, "[PATCH] A first patch")
        assert b"\n+.\n" in message


def test_smtplib_over_the_socket_needs_no_login(local):
    """The socket is a submission service for whatever speaks SMTP."""
    with Unix(local.socket) as client:
        client.ehlo()
        assert "auth" not in client.esmtp_features
        assert "starttls" not in client.esmtp_features
        me = pwd.getpwuid(os.geteuid()).pw_name + "@abc.com"
        assert client.sendmail(me, [BOB], TEXT.replace(b"\n", b"\r\n")) == {}
    local.pair.wait_message(BOB, "hello")
