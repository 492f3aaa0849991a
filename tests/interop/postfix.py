"""A private Postfix: configuration, queue and ports of its own; see
neighbour.py."""

import os
import pwd

import neighbour

MASTER = """\
%(address)s:%(port)d inet n - n - 100 smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix(neighbour.Neighbour):
    """tls = (certificate, key) offers STARTTLS; main has further lines of
    main.cf.  relay may also name a hop as Postfix does: lmtp:unix:/path."""

    name = "postfix"

    def __init__(self, *args, tls=None, main=None, **options):
        self.postfix, = neighbour.need("postfix")
        neighbour.need_root()
        super().__init__(*args, **options)
        self.tls, self.main = tls, dict(main or {})

    @staticmethod
    def hop(to):
        return to if isinstance(to, str) else "%s:[127.0.0.1]:%d" % to

    def settings(self):
        owner = pwd.getpwnam("postfix")
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": self.path("queue"),
            "data_directory": self.path("data"),
            "maillog_file": "/dev/stdout",
            "command_directory": "/usr/sbin",
            "daemon_directory": "/usr/lib/postfix/sbin",
            "mail_owner": "postfix", "setgid_group": "postdrop",
            "myhostname": "postfix.example", "mydestination": "",
            "inet_interfaces": self.address, "inet_protocols": "ipv4",
            "mynetworks": "127.0.0.0/8", "smtpd_peername_lookup": "no",
            "alias_maps": "", "local_recipient_maps": "",
            "smtp_host_lookup": "native, dns",
            "minimal_backoff_time": "2s", "queue_run_delay": "2s",
            "transport_maps": "inline:{ %s }" % " ".join(
                "{ %s = %s }" % (domain, self.hop(to))
                for domain, to in self.relay.items()),
            "virtual_mailbox_domains": " ".join(self.local),
            "virtual_mailbox_base": self.directory,
            "virtual_mailbox_maps": "static:mail/",
            "virtual_uid_maps": "static:%d" % owner.pw_uid,
            "virtual_gid_maps": "static:%d" % owner.pw_gid,
            "virtual_minimum_uid": "1",
        }
        if not self.relay:
            del settings["transport_maps"]
        if self.tls:
            settings.update({"smtpd_tls_security_level": "may",
                             "smtpd_tls_cert_file": self.tls[0],
                             "smtpd_tls_key_file": self.tls[1],
                             "smtpd_tls_loglevel": "1",
                             "smtpd_tls_received_header": "yes"})
        return {**settings, **self.main}

    def configure(self):
        owner = pwd.getpwnam("postfix")
        for name in ("etc", "queue", "data", "mail"):
            os.mkdir(self.path(name))
        for name in ("data", "mail"):
            os.chown(self.path(name), owner.pw_uid, owner.pw_gid)
        self.write("etc/main.cf", "".join(
            "%s = %s\n" % one for one in self.settings().items()))
        self.write("etc/master.cf", MASTER % {"address": self.address,
                                              "port": self.port})
        self.spawn(self.postfix, "-c", self.path("etc"), "start-fg")
