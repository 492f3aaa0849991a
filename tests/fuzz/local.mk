# Fuzz targets.  Each is one file with LLVMFuzzerTestOneInput and a directory
# of small inputs, tests/fuzz/corpus/<name>.  In a normal build the target is
# linked with replay.c, and make check runs it over that directory.  With
# --enable-fuzz (CC=clang) it is linked with libFuzzer instead: make fuzz.
#
# A new target: add its name here, three lines below, and its corpus.
fuzz_names = address address_list alias_file auth_client auth_exchange \
	auth_results bdat conf control date \
	dns dot drop dsn header sts \
	ledger_record mailbox_list maildir_name milter mime pop3 pop3_client proxy reply segment \
	shell smtp_command smtp_model smtp_session spool tls_cert users

if ENABLE_FUZZ
fuzz_main =
fuzz_ldflags = -fsanitize=fuzzer
else
fuzz_main = tests/fuzz/replay.c
fuzz_ldflags =
TESTS += $(fuzz_programs)
endif
EXTRA_DIST += $(fuzz_names:%=tests/fuzz/corpus/%)
check_PROGRAMS += $(fuzz_programs)
fuzz_programs = \
	tests/fuzz/fuzz_address \
	tests/fuzz/fuzz_address_list \
	tests/fuzz/fuzz_alias_file \
	tests/fuzz/fuzz_auth_results \
	tests/fuzz/fuzz_auth_client \
	tests/fuzz/fuzz_auth_exchange \
	tests/fuzz/fuzz_bdat \
	tests/fuzz/fuzz_conf \
	tests/fuzz/fuzz_control \
	tests/fuzz/fuzz_date \
	tests/fuzz/fuzz_dns \
	tests/fuzz/fuzz_sts \
	tests/fuzz/fuzz_dot \
	tests/fuzz/fuzz_downgrade \
	tests/fuzz/fuzz_drop \
	tests/fuzz/fuzz_dsn \
	tests/fuzz/fuzz_header \
	tests/fuzz/fuzz_ledger_record \
	tests/fuzz/fuzz_mailbox_list \
	tests/fuzz/fuzz_maildir_name \
	tests/fuzz/fuzz_milter \
	tests/fuzz/fuzz_mime \
	tests/fuzz/fuzz_pop3 \
	tests/fuzz/fuzz_pop3_client \
	tests/fuzz/fuzz_proxy \
	tests/fuzz/fuzz_reply \
	tests/fuzz/fuzz_segment \
	tests/fuzz/fuzz_shell \
	tests/fuzz/fuzz_smtp_command \
	tests/fuzz/fuzz_smtp_model \
	tests/fuzz/fuzz_smtp_session \
	tests/fuzz/fuzz_spool \
	tests/fuzz/fuzz_tls_cert \
	tests/fuzz/fuzz_users

tests_fuzz_fuzz_segment_SOURCES = tests/fuzz/fuzz_segment.c $(fuzz_main)
tests_fuzz_fuzz_segment_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_segment_LDADD = $(JOURNAL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_spool_SOURCES = tests/fuzz/fuzz_spool.c $(fuzz_main)
tests_fuzz_fuzz_spool_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_spool_LDADD = $(QUEUE_LIBS) $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_address_SOURCES = tests/fuzz/fuzz_address.c tests/fuzz/fuzz.h $(fuzz_main)
tests_fuzz_fuzz_address_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_address_LDADD = $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_control_SOURCES = tests/fuzz/fuzz_control.c $(fuzz_main)
tests_fuzz_fuzz_control_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_control_LDADD = $(SENDER_LIBS)

tests_fuzz_fuzz_date_SOURCES = tests/fuzz/fuzz_date.c $(fuzz_main)
tests_fuzz_fuzz_date_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_date_LDADD = $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_sts_SOURCES = tests/fuzz/fuzz_sts.c tests/fuzz/fuzz.h $(fuzz_main)
tests_fuzz_fuzz_sts_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_sts_LDADD = $(SENDER_LIBS)

tests_fuzz_fuzz_dns_SOURCES = tests/fuzz/fuzz_dns.c tests/fuzz/fuzz.h $(fuzz_main)
tests_fuzz_fuzz_dns_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_dns_LDADD = $(NET_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_downgrade_SOURCES = tests/fuzz/fuzz_downgrade.c $(fuzz_main)
tests_fuzz_fuzz_downgrade_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_downgrade_LDADD = $(MAIL_LIBS) $(BASE_LIBS)
tests_fuzz_fuzz_dot_SOURCES = tests/fuzz/fuzz_dot.c $(fuzz_main)
tests_fuzz_fuzz_dot_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_dot_LDADD = $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_dsn_SOURCES = tests/fuzz/fuzz_dsn.c $(fuzz_main)
tests_fuzz_fuzz_dsn_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_dsn_LDADD = $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_header_SOURCES = tests/fuzz/fuzz_header.c $(fuzz_main)
tests_fuzz_fuzz_header_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_header_LDADD = $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_pop3_SOURCES = tests/fuzz/fuzz_pop3.c \
	tests/wire/pop3_fake.c tests/wire/pop3_fake.h $(fuzz_main)
tests_fuzz_fuzz_pop3_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_pop3_LDADD = $(POP3_LIBS) $(NET_LIBS) $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_reply_SOURCES = tests/fuzz/fuzz_reply.c $(fuzz_main)
tests_fuzz_fuzz_reply_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_reply_LDADD = $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_shell_SOURCES = tests/fuzz/fuzz_shell.c $(fuzz_main)
tests_fuzz_fuzz_shell_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_shell_LDADD = $(SHELL_LIBS)

tests_fuzz_fuzz_smtp_command_SOURCES = tests/fuzz/fuzz_smtp_command.c \
	tests/wire/smtp_recorder.c tests/wire/smtp_recorder.h $(fuzz_main)
tests_fuzz_fuzz_smtp_command_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_smtp_command_LDADD = $(SMTP_LIBS) $(NET_LIBS) $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_milter_SOURCES = tests/fuzz/fuzz_milter.c \
	tests/wire/milter_play.c tests/wire/milter_play.h \
	tests/wire/smtp_recorder.c tests/wire/smtp_recorder.h $(fuzz_main)
tests_fuzz_fuzz_milter_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_milter_LDADD = $(MILTER_LIBS) $(SMTP_LIBS) $(NET_LIBS) \
	$(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_proxy_SOURCES = tests/fuzz/fuzz_proxy.c $(fuzz_main)
tests_fuzz_fuzz_proxy_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_proxy_LDADD = $(NET_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_bdat_SOURCES = tests/fuzz/fuzz_bdat.c \
	tests/wire/smtp_recorder.c tests/wire/smtp_recorder.h $(fuzz_main)
tests_fuzz_fuzz_bdat_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_bdat_LDADD = $(WIRE_LIBS) $(SMTP_LIBS) $(NET_LIBS) \
	$(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_smtp_model_SOURCES = tests/fuzz/fuzz_smtp_model.c \
	tests/wire/smtp_recorder.c tests/wire/smtp_recorder.h $(fuzz_main)
tests_fuzz_fuzz_smtp_model_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_smtp_model_LDADD = $(WIRE_LIBS) $(SMTP_LIBS) $(NET_LIBS) \
	$(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_smtp_session_SOURCES = tests/fuzz/fuzz_smtp_session.c \
	tests/wire/smtp_recorder.c tests/wire/smtp_recorder.h $(fuzz_main)
tests_fuzz_fuzz_smtp_session_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_smtp_session_LDADD = $(SMTP_LIBS) $(NET_LIBS) $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_address_list_SOURCES = tests/fuzz/fuzz_address_list.c $(fuzz_main)
tests_fuzz_fuzz_address_list_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_address_list_LDADD = $(MIME_LIBS) $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_maildir_name_SOURCES = tests/fuzz/fuzz_maildir_name.c $(fuzz_main)
tests_fuzz_fuzz_maildir_name_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_maildir_name_LDADD = $(STORE_LIBS) $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_ledger_record_SOURCES = tests/fuzz/fuzz_ledger_record.c $(fuzz_main)
tests_fuzz_fuzz_ledger_record_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_ledger_record_LDADD = $(STORE_LIBS) $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_mime_SOURCES = tests/fuzz/fuzz_mime.c $(fuzz_main)
tests_fuzz_fuzz_mime_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_mime_LDADD = $(MIME_LIBS) $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c $(fuzz_main)
tests_fuzz_fuzz_conf_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_conf_LDADD = $(BASE_LIBS)

tests_fuzz_fuzz_tls_cert_SOURCES = tests/fuzz/fuzz_tls_cert.c $(fuzz_main)
tests_fuzz_fuzz_tls_cert_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_tls_cert_LDADD = $(NET_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_users_SOURCES = tests/fuzz/fuzz_users.c $(fuzz_main)
tests_fuzz_fuzz_users_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_users_LDADD = $(AUTH_LIBS) $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_pop3_client_SOURCES = tests/fuzz/fuzz_pop3_client.c $(fuzz_main)
tests_fuzz_fuzz_pop3_client_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_pop3_client_LDADD = $(POP3_LIBS) $(NET_LIBS) $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_alias_file_SOURCES = tests/fuzz/fuzz_alias_file.c $(fuzz_main)
tests_fuzz_fuzz_alias_file_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_alias_file_LDADD = $(RECEIVER_LIBS)

tests_fuzz_fuzz_auth_results_SOURCES = tests/fuzz/fuzz_auth_results.c $(fuzz_main)
tests_fuzz_fuzz_auth_results_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_auth_results_LDADD = $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_auth_client_SOURCES = tests/fuzz/fuzz_auth_client.c $(fuzz_main)
tests_fuzz_fuzz_auth_client_CFLAGS = $(AM_CFLAGS) $(GSASL_CFLAGS)
tests_fuzz_fuzz_auth_client_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_auth_client_LDADD = $(AUTH_LIBS) $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_auth_exchange_SOURCES = tests/fuzz/fuzz_auth_exchange.c $(fuzz_main)
tests_fuzz_fuzz_auth_exchange_CFLAGS = $(AM_CFLAGS) $(GSASL_CFLAGS)
tests_fuzz_fuzz_auth_exchange_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_auth_exchange_LDADD = $(AUTH_LIBS) $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_drop_SOURCES = tests/fuzz/fuzz_drop.c $(fuzz_main)
tests_fuzz_fuzz_drop_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_drop_LDADD = $(MAIL_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_mailbox_list_SOURCES = tests/fuzz/fuzz_mailbox_list.c $(fuzz_main)
tests_fuzz_fuzz_mailbox_list_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_mailbox_list_LDADD = $(MAIL_LIBS) $(BASE_LIBS)

# make fuzz: every target in turn, FUZZ_SECONDS each, from the corpus; what it
# finds is kept in the build tree (tests/fuzz/work/<name>, and crash files).
FUZZ_SECONDS = 60
.PHONY: fuzz
fuzz: $(fuzz_programs)
	@for name in $(fuzz_names); do \
		echo "== $$name"; \
		mkdir -p tests/fuzz/work/$$name || exit 1; \
		tests/fuzz/fuzz_$$name -max_total_time=$(FUZZ_SECONDS) \
			-timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
			-artifact_prefix=tests/fuzz/work/$$name- \
			tests/fuzz/work/$$name \
			$(abs_top_srcdir)/tests/fuzz/corpus/$$name || exit 1; \
	done
clean-local: clean-fuzz
.PHONY: clean-fuzz
clean-fuzz:
	-rm -rf tests/fuzz/work
