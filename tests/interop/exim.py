"""A private Exim (Debian's exim4-daemon-light); see neighbour.py."""

import os
import pwd

import neighbour

CONFIG = """\
primary_hostname = %(hostname)s
exim_user = %(user)s
exim_group = %(group)s
never_users =
spool_directory = %(dir)s/spool
log_file_path = %(dir)s/log-%%s
pid_file_path = %(dir)s/pid
daemon_smtp_ports = %(port)d
local_interfaces = %(address)s
tls_advertise_hosts = %(tls_hosts)s
tls_certificate = %(certificate)s
tls_privatekey = %(key)s
rfc1413_hosts =
smtputf8_advertise_hosts = *
chunking_advertise_hosts = *
dsn_advertise_hosts = *
prdr_enable = false
keep_environment =
acl_smtp_rcpt = accept
acl_smtp_data = accept
queue_run_in_order
%(main)s

begin routers
%(routers)s
here:
  driver = accept
  domains = %(local)s
  transport = maildir
dns:
  driver = dnslookup
  self = send
  transport = smtp
  no_more

begin transports
smtp:
  driver = smtp
  allow_localhost
  %(smtp)s
maildir:
  driver = appendfile
  user = %(user)s
  group = %(group)s
  maildir_format
  directory = %(dir)s/mail
%(transports)s

begin retry
*  *  F,1h,2s
"""

ROUTE = """\
to_%(n)d:
  driver = manualroute
  domains = %(domain)s
  route_list = * 127.0.0.1
  self = send
  transport = to_%(n)d
"""
TRANSPORT = """\
to_%(n)d:
  driver = smtp
  allow_localhost
  port = %(port)d
  protocol = %(protocol)s
  hosts_try_fastopen =
"""


class Exim(neighbour.Neighbour):
    """tls = (certificate, key) offers STARTTLS; main and smtp are further lines
    of the main part and of the transport of mail that goes by MX."""

    name = "exim"

    def __init__(self, *args, hostname="exim.example", tls=None, main="",
                 smtp="", routers="", **options):
        self.exim, = neighbour.need("exim4")
        neighbour.need_root()
        super().__init__(*args, **options)
        self.hostname, self.tls = hostname, tls
        self.main, self.smtp, self.routers = main, smtp, routers

    def configure(self):
        user = pwd.getpwnam("Debian-exim")
        for name in ("spool", "mail"):
            os.mkdir(self.path(name))
            os.chown(self.path(name), user.pw_uid, user.pw_gid)
        os.chown(self.directory, user.pw_uid, user.pw_gid)
        routers = transports = ""
        for n, (domain, (protocol, port)) in enumerate(self.relay.items()):
            facts = {"n": n, "domain": domain, "protocol": protocol,
                     "port": port}
            routers += ROUTE % facts
            transports += TRANSPORT % facts
        certificate, key = self.tls or ("", "")
        config = self.write("exim.conf", CONFIG % {
            "hostname": self.hostname, "dir": self.directory,
            "user": user.pw_name, "group": user.pw_gid,
            "port": self.port, "address": self.address,
            "tls_hosts": "*" if self.tls else "", "certificate": certificate,
            "key": key, "main": self.main, "smtp": self.smtp,
            "local": " : ".join(self.local), "transports": transports,
            "routers": self.routers + routers})
        self.spawn(self.exim, "-C", config, "-bdf", "-q2s")

    def logs(self):
        text = super().logs()
        for name in ("log-main", "log-panic", "log-reject"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), encoding="utf-8",
                          errors="replace") as f:
                    text += f.read()
        return text
