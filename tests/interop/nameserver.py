"""A name server of our own: nsd with the zones of a test, some of them signed.

    zones = {"xyz.com": ["@ MX 10 mx1", "mx1 A 127.0.0.1"],
             "signed.example": Signed(["@ MX 10 mx", "mx A 127.0.0.1"])}
    with NameServer(zones) as dns:
        dns.server                 "127.0.0.1:PORT"
        dns.trust_anchor           file with the keys of the signed zones
        dns.pause(), dns.go_on()   it is there, and answers nothing
"""

import glob
import os
import re
import signal
import socket
import struct
import subprocess

import neighbour

HEAD = """$ORIGIN %s.
$TTL 1
@ SOA ns hostmaster 1 3600 600 86400 1
@ NS ns
ns A 127.0.0.1
"""


class Signed(list):
    """Records of a zone that is signed; spoil=(pattern, text) puts something
    else into it after that, which nobody has signed."""

    def __init__(self, records, spoil=None):
        super().__init__(records)
        self.spoil = spoil


class Broken(list):
    """A zone that the server is to serve and cannot: SERVFAIL."""


class NameServer(neighbour.Neighbour):
    name = "nsd"

    def __init__(self, zones):
        self.programs = neighbour.need("nsd", "ldns-keygen", "ldns-signzone")
        super().__init__()
        self.zones = zones
        self.server = "127.0.0.1:%d" % self.port
        self.trust_anchor = self.path("anchors.key")

    def configure(self):
        text = """server:
  ip-address: 127.0.0.1@%d
  username: ""
  chroot: ""
  zonesdir: "%s"
  database: ""
  pidfile: ""
  xfrdfile: ""
  zonelistfile: ""
  server-count: 1
  verbosity: 1
remote-control:
  control-enable: no
""" % (self.port, self.directory)
        self.write("anchors.key", "")
        for name, records in self.zones.items():
            text += 'zone:\n  name: "%s"\n  zonefile: "%s"\n' % (
                name, self.make_zone(name, records))
        self.spawn(self.programs[0], "-d", "-c", self.write("nsd.conf", text))

    def make_zone(self, name, records):
        if isinstance(records, Broken):
            return self.path(name + ".none")
        path = self.write(name + ".zone",
                          HEAD % name + "\n".join(records) + "\n")
        if not isinstance(records, Signed):
            return path
        self.run(self.programs[1], "-r", "/dev/urandom", "-k", "-a",
                 "ECDSAP256SHA256", name)
        key = glob.glob(self.path("K%s.+*.key" % name))[0][:-len(".key")]
        self.run(self.programs[2], path, key)
        with open(key + ".key", encoding="ascii") as source, \
                open(self.trust_anchor, "a", encoding="ascii") as anchors:
            anchors.write(source.read())
        path += ".signed"
        if records.spoil is not None:
            with open(path, encoding="ascii") as f:
                signed = f.read()
            spoilt = re.sub(*records.spoil, signed, flags=re.M)
            assert spoilt != signed, signed
            self.write(os.path.basename(path), spoilt)
        return path

    def run(self, *command):
        subprocess.run(command, cwd=self.directory, check=True, timeout=60,
                       stdin=subprocess.DEVNULL, capture_output=True)

    def is_up(self):
        """Does it answer a question, whatever it says?"""
        assert self.process.poll() is None, "nsd ended: %s" % self.logs()
        question = struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\0" + \
            struct.pack("!2H", 2, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            try:
                s.sendto(question, ("127.0.0.1", self.port))
                return len(s.recv(512)) >= 12
            except OSError:
                return False

    def pause(self):
        os.killpg(self.process.pid, signal.SIGSTOP)

    def go_on(self):
        os.killpg(self.process.pid, signal.SIGCONT)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.go_on()
        super().stop()
