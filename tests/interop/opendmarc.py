"""A private OpenDMARC; see milter_neighbour.py.  It asks the name server of the
system, so that it needs a world of its own (world.py).

    with OpenDmarc() as judge: ...
"""

import milter_neighbour
import neighbour

CONFIG = """\
Background no
Syslog no
Socket inet:%(port)d@127.0.0.1
PidFile %(dir)s/pid
AuthservID mx.xyz.com
TrustedAuthservIDs mx.xyz.com
IgnoreHosts %(dir)s/nobody
RejectFailures yes
SPFIgnoreResults yes
SPFSelfValidate no
"""


class OpenDmarc(milter_neighbour.Milter):
    name = "opendmarc"

    def __init__(self):
        self.program, = neighbour.need("opendmarc")
        super().__init__()

    def configure(self):
        self.write("nobody", "192.0.2.1\n")  # by default 127.0.0.1 is trusted
        config = self.write("opendmarc.conf", CONFIG % {
            "port": self.port, "dir": self.directory})
        self.spawn(self.program, "-f", "-c", config)
