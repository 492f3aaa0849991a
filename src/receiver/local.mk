noinst_LIBRARIES += src/receiver/libreceiver.a
src_receiver_libreceiver_a_SOURCES = \
	src/receiver/receiver.c src/receiver/receiver.h \
	src/receiver/receiver_alias.c src/receiver/receiver_alias.h \
	src/receiver/receiver_alias_file.c \
	src/receiver/receiver_alias_file.h \
	src/receiver/receiver_limits.c src/receiver/receiver_limits.h \
	src/receiver/receiver_filter.c \
	src/receiver/receiver_options.c src/receiver/receiver_options.h \
	src/receiver/receiver_policy.c src/receiver/receiver_private.h \
	src/receiver/receiver_pop3.c src/receiver/receiver_quota.c \
	src/receiver/receiver_rcpt.c \
	src/receiver/receiver_rules.c src/receiver/receiver_rules.h \
	src/receiver/receiver_rules_make.c \
	src/receiver/receiver_rules_remark.c \
	src/receiver/receiver_rules_private.h \
	src/receiver/receiver_smtp.c \
	src/receiver/receiver_store.c src/receiver/receiver_verdict.c
RECEIVER_LIBS = src/receiver/libreceiver.a $(MILTER_LIBS) $(SMTP_LIBS) $(POP3_LIBS) \
	$(STORE_LIBS) $(AUTH_LIBS) $(NET_LIBS) $(MAIL_LIBS) $(BASE_LIBS)

sbin_PROGRAMS += src/receiver/postpair-receiver
src_receiver_postpair_receiver_SOURCES = src/receiver/main.c
src_receiver_postpair_receiver_LDADD = $(RECEIVER_LIBS)
