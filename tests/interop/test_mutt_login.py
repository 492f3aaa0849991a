"""mutt and neomutt as Debian builds them send over SMTP and read over POP3, both
encrypted, with nothing configured about logins; and what channel-binding does."""

import os
import re
import select
import signal
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import neighbour  # noqa: E402
from certificates import Lab  # noqa: E402

harness = neighbour.harness

PROGRAMS = ["mutt", "neomutt"]
ALICE, BOB = "alice@abc.com", "bob@xyz.com"
WAIT_S = 60

RC = """
set from = "%(user)s"
set realname = "A User"
set hostname = "client.example"
set use_from = yes
set use_envelope_from = yes
set ssl_ca_certificates_file = "%(ca)s"
set ssl_starttls = yes
set ssl_force_tls = yes
set smtp_url = "smtp://%(login)s@localhost:%(smtp)d/"
set smtp_pass = "%(password)s"
set pop_host = "pop://%(login)s@localhost:%(pop3)d/"
set pop_pass = "%(password)s"
set pop_checkinterval = 1
set pop_delete = no
set record = ""
set copy = no
set header_cache = ""
set tmpdir = "%(directory)s"
set postponed = "%(directory)s/postponed"
set spoolfile = "%(directory)s/spool"
set folder = "%(directory)s"
set mbox_type = Maildir
set confirmappend = no
set confirmcreate = no
set quit = yes
set abort_nosubject = no
set wait_key = no
set sleep_time = 0
%(more)s
"""


@pytest.fixture(scope="module", name="lab")
def _lab():
    with Lab() as lab:
        yield lab


def pair_with(lab, binding):
    over = {"tls": lab.section(), "login": {"channel-binding": binding}}
    return harness.Pair(sender=over, receiver=over)


def write_rc(pair, lab, user, more=""):
    return pair.write("rc-%s" % user, (RC % {
        "user": user, "login": user.replace("@", "%40"), "ca":
        lab.path("ca.crt"), "smtp": pair.submission_port, "pop3":
        pair.pop3_port, "password": harness.PASSWORD, "directory":
        pair.directory, "more": more}).encode())


def environment(pair):
    return {**os.environ, "HOME": pair.directory, "TERM": "xterm",
            "LC_ALL": "C.UTF-8", "EMAIL": ALICE}


def send(pair, lab, program, more=""):
    rc = write_rc(pair, lab, ALICE, more)
    done = pair.run(["env", "HOME=" + pair.directory, program, "-n", "-F", rc,
                     "-s", "by " + program, "--", BOB], stdin="a body\n")
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def read(pair, lab, program, more=""):
    """Open the maildrop and copy all of it into a file; what stands there."""
    box = os.path.join(pair.directory, "copy-of-" + program)
    rc = write_rc(pair, lab, BOB, more + """
push "<tag-pattern>~A<enter><tag-prefix><copy-message><kill-line>%s<enter>\
<exit>y"
""" % box)
    pid, fd = harness.fork_terminal()
    if pid == 0:
        os.execvpe(program, [program, "-n", "-F", rc, "-f",
                             "pop://%s@localhost:%d/" % (
                                 BOB.replace("@", "%40"), pair.pop3_port)],
                   environment(pair))
    said = talk(fd, pid)
    return b"".join(harness.Maildir(box).messages()), said


def talk(fd, pid):
    """What it says, until it ends, or is told to."""
    said, end = b"", time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                got = os.read(fd, 65536)
            except OSError:
                got = b""
            if not got:
                break
            said += got
        # it shows an empty list when it could not log in
        if b"uthentication failed" in said:
            break
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    os.close(fd)
    return re.sub(rb"\x1b[^a-zA-Z]*[a-zA-Z]", b"", said).decode(
        errors="replace")


@pytest.mark.deadline(300)
@pytest.mark.parametrize("program", PROGRAMS)
def test_sends_and_reads(lab, program):
    neighbour.need(program)
    with pair_with(lab, "no") as pair:
        status, said = send(pair, lab, program)
        assert status == 0, said
        assert b"Subject: by " + program.encode() in \
            pair.maildir(BOB).wait(1)[0]
        match = pair.sender.wait_log(r"auth-ok .*mechanism=(\S+)")
        assert match.group(1) == "SCRAM-SHA-256"
        found, said = read(pair, lab, program)
        assert b"Subject: by " + program.encode() in found, \
            said + pair.receiver.log()
        match = pair.receiver.wait_log(r"pop3-login .*mechanism=(\S+)")
        assert match.group(1) == "SCRAM-SHA-256"


@pytest.mark.deadline(300)
@pytest.mark.parametrize("program", PROGRAMS)
def test_needs_to_be_told_where_binding_is_offered(lab, program):
    """They choose -PLUS, cannot bind, and do not come back.  When this fails,
    they have learned it: doc/operations.md says otherwise."""
    neighbour.need(program)
    with pair_with(lab, "yes") as pair:
        status, said = send(pair, lab, program)
        assert status != 0, said
        assert pair.maildir(BOB).files() == []
        named = 'set smtp_authenticators = "plain"\n' \
                'set pop_authenticators = "user"\n'
        status, said = send(pair, lab, program, named)
        assert status == 0, said
        pair.maildir(BOB).wait(1)
        found, said = read(pair, lab, program)
        assert found == b"", said
        assert "pop3-login" not in pair.receiver.log()
        found, said = read(pair, lab, program, named)
        assert b"Subject: by " + program.encode() in found, said
