"""A private OpenDKIM; see milter_neighbour.py.

    with OpenDkim("s", key) as signer, OpenDkim("v", key) as verifier: ...
"""

import milter_neighbour
import neighbour

CONFIG = """\
Background no
Syslog no
LogResults yes
Mode %(mode)s
Socket inet:%(port)d@127.0.0.1
PidFile %(dir)s/pid
TemporaryDirectory %(dir)s
RequireSafeKeys no
Canonicalization relaxed/simple
OversignHeaders From
TestDNSData file:%(dir)s/names
AlwaysAddARHeader yes
AuthservID mx.xyz.com
%(more)s
"""


class OpenDkim(milter_neighbour.Milter):
    name = "opendkim"

    def __init__(self, mode, key):
        self.program, = neighbour.need("opendkim")
        super().__init__()
        self.mode, self.key = mode, key

    def configure(self):
        self.write("names", "%s %s\n" % (self.key.name, self.key.record))
        more = ""
        if "s" in self.mode:
            more = "Domain %s\nSelector %s\nKeyFile %s\n" % (
                self.key.domain, self.key.selector, self.key.path)
        config = self.write("opendkim.conf", CONFIG % {
            "mode": self.mode, "port": self.port, "dir": self.directory,
            "more": more})
        self.spawn(self.program, "-f", "-x", config)
