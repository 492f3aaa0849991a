"""Dovecot and we read each other's stored SCRAM keys, and mailsh logs in to it
by each mechanism that both know."""

import os
import pwd
import re
import socket
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import neighbour  # noqa: E402

harness = neighbour.harness

USER, PASSWORD = "alice@abc.com", "p\u00e4ss w\u00f6rd"
SCHEMES = ["SCRAM-SHA-256", "SCRAM-SHA-1"]


def stored(scheme, directory):
    """The credential that postpair-admin makes."""
    path = os.path.join(directory, "users-" + scheme)
    done = subprocess.run(
        [harness.program("postpair-admin"), "user", "add", USER, "-f", path,
         "--scheme=" + scheme.lower()], input=PASSWORD + "\n", text=True,
        capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    with open(path, encoding="utf-8") as f:
        return f.read().split()[1]


class Dovecot(neighbour.Neighbour):
    """A private POP3 server whose one user has this credential; `more` is put
    at the end of its configuration."""

    name = "dovecot"
    more = ""

    def __init__(self, scheme):
        super().__init__()
        neighbour.need_root()
        self.dovecot, = neighbour.need("dovecot")
        self.scheme = scheme

    def configure(self):
        owner = pwd.getpwnam("dovecot")
        mail = self.path("mail")
        os.mkdir(mail)
        os.chown(mail, owner.pw_uid, owner.pw_gid)
        users = self.write("passwd", "%s:%s\n" % (
            USER, stored(self.scheme, self.directory)))
        self.spawn(self.dovecot, "-F", "-c", self.write("dovecot.conf", """
base_dir = %(r)s/run
state_dir = %(r)s/state
log_path = /dev/stderr
protocols = pop3
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login scram-sha-1 scram-sha-256
mail_location = maildir:%(r)s/mail/alice
first_valid_uid = 1
first_valid_gid = 1
default_internal_user = dovecot
default_login_user = dovenull
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%%u %(u)s
}
userdb {
  driver = static
  args = uid=%(i)d gid=%(g)d home=%(r)s/mail
}
service pop3-login {
  chroot =
  inet_listener pop3 {
    address = 127.0.0.1
    port = %(p)d
  }
  inet_listener pop3s {
    port = 0
  }
}
""" % {"r": self.directory, "u": users, "p": self.port, "i": owner.pw_uid,
       "g": owner.pw_gid} + self.more))

    def is_up(self):
        assert self.process.poll() is None, self.logs()[-4000:]
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as s:
                return s.recv(3) == b"+OK"
        except OSError:
            return False


@pytest.mark.parametrize("scheme", SCHEMES)
def test_our_keys_serve_dovecot_and_mailsh_logs_in(scheme):
    with Dovecot(scheme) as other:
        home = other.path("home")
        os.mkdir(home)
        for mechanism in (scheme, "PLAIN", "LOGIN"):
            done = subprocess.run(
                [harness.program("mailsh"), "-n", "-c", "trace on", "-c",
                 "login %s --password '%s' --mechanism %s --pop3 "
                 "127.0.0.1:%d" % (USER, PASSWORD, mechanism, other.port)],
                capture_output=True, text=True, timeout=60, check=False,
                stdin=subprocess.DEVNULL, env={**os.environ, "HOME": home})
            said = done.stdout + done.stderr
            assert done.returncode == 0, said
            assert re.search("> AUTH %s( |$)" % mechanism, said, re.M), said
        done = subprocess.run(
            [harness.program("mailsh"), "-n", "-c",
             "login %s --password wrong --mechanism %s --pop3 127.0.0.1:%d" % (
                 USER, scheme, other.port)],
            capture_output=True, text=True, timeout=60, check=False,
            stdin=subprocess.DEVNULL, env={**os.environ, "HOME": home})
        assert done.returncode == 4, done.stderr


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_checks_a_password_against_a_key_of_the_other(scheme, tmp_path):
    doveadm, = neighbour.need("doveadm")
    ours = stored(scheme, str(tmp_path))
    for password, right in ((PASSWORD, True), ("wrong", False)):
        done = subprocess.run([doveadm, "-c", "/dev/null", "pw", "-t", ours,
                               "-p", password], capture_output=True, text=True,
                              timeout=60, check=False)
        assert (done.returncode == 0) == right, done.stderr
    theirs = subprocess.run(
        [doveadm, "-c", "/dev/null", "pw", "-s", scheme, "-p", PASSWORD],
        capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    with harness.Pair(sender=False, start=False) as pair:
        pair.write_users("%s %s\n" % (USER, theirs))
        pair.start()
        for mechanism in (scheme, "PLAIN"):
            done = pair.run(
                [harness.program("mailsh"), "-c",
                 "login %s --password '%s' --mechanism %s --pop3 "
                 "127.0.0.1:%d" % (USER, PASSWORD, mechanism, pair.pop3_port)])
            assert done.returncode == 0, done.stderr
