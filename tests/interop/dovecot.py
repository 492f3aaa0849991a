"""A private Dovecot that takes mail by LMTP, on TCP (port) and on a unix socket
(socket); see neighbour.py."""

import os
import pwd

import neighbour

CONFIG = """\
base_dir = %(dir)s/run
state_dir = %(dir)s/state
log_path = %(dir)s/log
protocols = lmtp
ssl = no
mail_location = maildir:%(dir)s/mail/%%u
first_valid_uid = 1
first_valid_gid = 1
default_internal_user = dovecot
recipient_delimiter = +
passdb {
  driver = passwd-file
  args = username_format=%%u %(dir)s/users
}
userdb {
  driver = passwd-file
  args = username_format=%%u %(dir)s/users
  override_fields = uid=%(uid)d gid=%(gid)d home=%(dir)s/mail/%%u
}
%(more)s
service lmtp {
  inet_listener lmtp {
    address = %(address)s
    port = %(port)d
  }
  unix_listener %(socket)s {
    mode = 0666
  }
}
"""


class Dovecot(neighbour.Neighbour):
    """users are whole addresses; more is further configuration."""

    name = "dovecot"

    def __init__(self, *args, users=(), more="", **options):
        self.dovecot, self.doveadm = neighbour.need("dovecot", "doveadm")
        neighbour.need_root()
        super().__init__(*args, **options)
        self.users = list(users)
        self.more = more
        self.socket = self.path("lmtp")

    def configure(self):
        user = pwd.getpwnam("dovecot")
        os.mkdir(self.path("mail"))
        os.chown(self.path("mail"), user.pw_uid, user.pw_gid)
        self.write("users", "".join("%s:{PLAIN}x::::::\n" % u
                                    for u in self.users))
        config = self.write("dovecot.conf", CONFIG % {
            "dir": self.directory, "address": self.address, "port": self.port,
            "uid": user.pw_uid, "gid": user.pw_gid, "socket": self.socket,
            "more": self.more})
        self.spawn(self.dovecot, "-F", "-c", config)

    def mailbox_of(self, user):
        return neighbour.harness.Maildir(self.path("mail", user))

    def logs(self):
        text = super().logs()
        if os.path.exists(self.path("log")):
            with open(self.path("log"), encoding="utf-8",
                      errors="replace") as f:
                text += f.read()
        return text
