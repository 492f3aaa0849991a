"""What OpenDKIM, OpenDMARC and rspamd have in common: a milter on a port, keys,
and a name server of their own that answers for them and for nobody else."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess

import pytest

import neighbour

harness = neighbour.harness


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    except OSError:
        return False


class Key:
    """A key for DKIM: a file with the private half and the record."""

    def __init__(self, directory, domain, selector="test"):
        openssl, = neighbour.need("openssl")
        self.domain, self.selector = domain, selector
        self.path = os.path.join(directory, "%s.%s.key" % (domain, selector))
        subprocess.run([openssl, "genrsa", "-traditional", "-out", self.path,
                        "1024"], check=True, capture_output=True)
        # rspamd and OpenDKIM give their privileges up before they read it
        os.chmod(self.path, 0o644)
        public = subprocess.run(
            [openssl, "rsa", "-in", self.path, "-pubout"], check=True,
            capture_output=True, text=True).stdout
        self.record = "v=DKIM1; k=rsa; p=" + "".join(
            line for line in public.splitlines() if "-" not in line)
        self.name = "%s._domainkey.%s" % (selector, domain)

    def verifies(self, message):
        """Does an implementation of its own (dkimpy) find it valid?"""
        dkim = __import__("dkim")
        return dkim.verify(message, dnsfunc=lambda name, timeout=5: (
            self.record.encode() if name.rstrip(b".") == self.name.encode()
            else None))


class Names(neighbour.Neighbour):
    """An unbound that knows these records: (name, type, data)."""

    name = "unbound"

    def __init__(self, records):
        self.program, = neighbour.need("unbound")
        super().__init__()
        self.records = records

    def configure(self):
        data = "".join("  local-data: '%s. 60 IN %s %s'\n" % record
                       for record in self.records)
        config = self.write("unbound.conf", """\
server:
  interface: 127.0.0.1
  port: %d
  username: ""
  chroot: ""
  directory: "%s"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  num-threads: 1
  module-config: "iterator"
  local-zone: "." static
%sremote-control:
  control-enable: no
""" % (self.port, self.directory, data))
        self.spawn(self.program, "-d", "-c", config)

    def is_up(self):
        assert self.process.poll() is None, self.logs()
        return listens(self.port)


def need_world():
    if "POSTPAIR_WORLD" not in os.environ:
        pytest.skip("the servers need a world of their own")


@contextlib.contextmanager
def system_names(records):
    """The name server that every program of this world asks.  There is one:
    another test waits for its turn."""
    need_world()
    with open("/etc/resolv.conf", "r+", encoding="ascii") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        f.truncate(f.write("nameserver 127.0.0.1\n"))
        f.flush()
        names = Names(records)
        names.port = 53
        with names:
            yield names


def txt(name, text):
    """A TXT record of any length, in the strings it takes."""
    return (name, "TXT", " ".join('"%s"' % text[i:i + 200]
                                  for i in range(0, len(text), 200)))


class Milter(neighbour.Neighbour):
    """A milter on a port."""

    @property
    def place(self):
        return "inet:127.0.0.1:%d" % self.port

    def is_up(self):
        assert self.process.poll() is None, "%s ended: %s" % (
            self.name, self.logs()[-4000:])
        return listens(self.port)

    def own(self, user):
        """Give the directory to the user it runs as."""
        if os.geteuid() == 0:
            for where, directories, files in os.walk(self.directory):
                for name in [where] + [os.path.join(where, n)
                                       for n in directories + files]:
                    shutil.chown(name, user)
