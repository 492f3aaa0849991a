EXTRA_DIST += tests/unit/test.h tests/unit/synced.h
include tests/unit/base/local.mk
include tests/unit/mail/local.mk
include tests/unit/net/local.mk
include tests/unit/auth/local.mk
include tests/unit/ids/local.mk
include tests/unit/queue/local.mk
include tests/unit/store/local.mk
include tests/unit/smtp/local.mk
include tests/unit/milter/local.mk
include tests/unit/pop3/local.mk
include tests/unit/receiver/local.mk
include tests/unit/sender/local.mk
include tests/unit/shell/local.mk
include tests/unit/journal/local.mk
include tests/unit/sendmail/local.mk
