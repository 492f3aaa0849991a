"""A private ClamAV: clamd with one signature, and clamav-milter before it; see
milter_neighbour.py.

    with ClamAv("MARKER") as scanner: ...
    with ClamAv("MARKER", infected="Quarantine") as scanner: ...
"""

import os

import milter_neighbour
import neighbour
from milter_neighbour import harness

CLAMD = """\
Foreground yes
DatabaseDirectory %(dir)s/signatures
LocalSocket %(dir)s/clamd
TemporaryDirectory %(dir)s
LogFile %(dir)s/clamd.log
"""
MILTER = """\
Foreground yes
MilterSocket inet:%(port)d@127.0.0.1
ClamdSocket unix:%(dir)s/clamd
TemporaryDirectory %(dir)s
LogFile %(dir)s/milter.log
LogVerbose yes
OnInfected %(infected)s
RejectMsg infected with %%v
AddHeader Replace
ReportHostname scanner.xyz.com
"""


class Clamd(neighbour.Neighbour):
    name = "clamd"

    def __init__(self, directory):
        self.program, = neighbour.need("clamd")
        super().__init__()
        self.directory_of_all = directory

    def configure(self):
        config = self.write("clamd.conf", CLAMD % {"dir": self.directory_of_all})
        self.spawn(self.program, "-c", config)

    def is_up(self):
        assert self.process.poll() is None, self.logs()
        return os.path.exists(os.path.join(self.directory_of_all, "clamd"))


class ClamAv(milter_neighbour.Milter):
    name = "clamav-milter"

    def __init__(self, marker, infected="Reject"):
        self.program, = neighbour.need("clamav-milter")
        super().__init__()
        self.infected = infected
        os.mkdir(self.path("signatures"))
        # name, any kind of file, anywhere in it, the bytes
        self.write("signatures/test.ndb",
                   "Test.Marker:0:*:%s\n" % marker.encode().hex())
        self.clamd = Clamd(self.directory)

    def configure(self):
        self.clamd.configure()
        harness.wait_for(self.clamd.is_up, self.start_s, "clamd")
        self.spawn(self.program, "-c", self.write("milter.conf", MILTER % {
            "dir": self.directory, "port": self.port,
            "infected": self.infected}))

    def stop(self):
        super().stop()
        self.clamd.stop()
