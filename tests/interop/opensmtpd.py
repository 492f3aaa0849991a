"""A private OpenSMTPD (Debian's opensmtpd); see neighbour.py.

Its spool is a compiled-in path, so that it can only be run in a world of its
own (world.py), where nothing else uses it."""

import os
import pwd
import shutil

import neighbour


class OpenSMTPD(neighbour.Neighbour):
    """One instance."""

    name = "opensmtpd"

    def __init__(self, *args, **options):
        self.smtpd, = neighbour.need("smtpd")
        neighbour.need_root()
        if "POSTPAIR_WORLD" not in os.environ:
            neighbour.pytest.skip("OpenSMTPD needs a world of its own")
        super().__init__(*args, **options)

    def configure(self):
        shutil.rmtree("/var/spool/smtpd", ignore_errors=True)
        os.makedirs("/var/lib/opensmtpd/empty", exist_ok=True)
        owner = pwd.getpwnam("opensmtpd")
        os.mkdir(self.path("mail"))
        os.chown(self.path("mail"), owner.pw_uid, owner.pw_gid)
        text = "listen on %s port %d\n" % (self.address, self.port)
        text += "table everybody { \"@\" = \"%s\" }\n" % owner.pw_name
        if self.local:
            text += "action here maildir \"%s\" virtual <everybody>\n" \
                % self.path("mail")
        for domain in self.local:
            text += "match from any for domain \"%s\" action here\n" % domain
        for n, (domain, (protocol, port)) in enumerate(self.relay.items()):
            if protocol == "lmtp":
                text += "action to_%d lmtp \"127.0.0.1:%d\" rcpt-to " \
                    "virtual <everybody>\n" % (n, port)
            else:
                text += "action to_%d relay host smtp://127.0.0.1:%d\n" % (
                    n, port)
            text += "match from any for domain \"%s\" action to_%d\n" % (
                domain, n)
        config = self.write("smtpd.conf", text, 0o600)
        self.spawn(self.smtpd, "-d", "-f", config)
