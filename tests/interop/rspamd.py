"""A private rspamd: Debian's configuration with a local.d of its own, one proxy
worker that scans by itself and speaks the milter protocol, no Redis, and a name
server that knows what the test gives it.  The files of local.d are those that
doc/operations.md shows; see milter_neighbour.py."""

import os

import milter_neighbour
import neighbour

# What doc/operations.md tells an administrator to write.
LOCAL_D = {
    "worker-proxy.inc": """\
bind_socket = "127.0.0.1:%(port)d";
milter = yes;
timeout = 60s;
upstream "local" {
  default = yes;
  self_scan = yes;
  timeout = 60s;
}
""",
    "dkim_signing.conf": """\
enabled = true;
sign_authenticated = true;
sign_local = false;
use_domain = "header";
allow_username_mismatch = true;
path = "%(keys)s/$domain.$selector.key";
selector = "%(selector)s";
""",
    "milter_headers.conf": """\
use = ["authentication-results", "x-spamd-bar"];
authenticated_headers = ["x-spamd-bar"];
skip_local = false;
skip_authenticated = true;
""",
    "actions.conf": """\
reject = 15;
add_header = 6;
greylist = null;
""",
    "options.inc": """\
soft_reject_on_timeout = true;
""",
}

# And what makes it private.
PRIVATE = {
    "worker-normal.inc": "enabled = false;\n",
    "worker-controller.inc": "enabled = false;\n",
    "worker-fuzzy.inc": "enabled = false;\n",
    "logging.inc": 'type = "console";\nlevel = "info";\n',
    "options.inc": """\
local_addrs = [];
disable_hyperscan = true;
dns {
  nameserver = ["127.0.0.1:%(dns)d"];
  timeout = 1s;
  retransmits = 2;
}
""",
    # expressions by the thousand that no test needs
    "regexp.conf": "enabled = false;\n",
    "multimap.conf": "enabled = false;\n",
    # they would ask the network, or want a Redis
    "rbl.conf": "enabled = false;\n",
    "surbl.conf": "enabled = false;\n",
    "fuzzy_check.conf": "enabled = false;\n",
    "phishing.conf": "enabled = false;\n",
    "asn.conf": "enabled = false;\n",
    "rspamd_update.conf": "enabled = false;\n",
}


class Rspamd(milter_neighbour.Milter):
    name = "rspamd"
    start_s = 120  # it compiles all its expressions first

    def __init__(self, keys, names, extra=None):
        self.program, = neighbour.need("rspamd")
        super().__init__()
        self.keys, self.names, self.extra = keys, names, extra or {}

    def configure(self):
        for name in ("local.d", "override.d", "db", "run", "log"):
            os.mkdir(self.path(name))
        values = {"port": self.port, "dns": self.names.port,
                  "keys": os.path.dirname(self.keys[0].path),
                  "selector": self.keys[0].selector}
        for name in {**LOCAL_D, **PRIVATE, **self.extra}:
            text = self.extra.get(
                name, LOCAL_D.get(name, "") + PRIVATE.get(name, ""))
            self.write(os.path.join("" if name.endswith(".lua") else "local.d",
                                    name), text % values)
        command = [self.program, "-f", "-c", "/etc/rspamd/rspamd.conf"]
        for name, value in (("LOCAL_CONFDIR", ""), ("DBDIR", "db"),
                            ("RUNDIR", "run"), ("LOGDIR", "log")):
            command.append("--var=%s=%s" % (name, self.path(value).rstrip("/")))
        if os.geteuid() == 0:
            self.own("_rspamd")
            command += ["-u", "_rspamd", "-g", "_rspamd"]
        self.spawn(*command)
