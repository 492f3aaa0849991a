# End-to-end: the real programs, each other and independent clients.  Every
# test_*.py in TESTS is run by tap.py (see PY_LOG_COMPILER).
E2E_SUPPORT = tests/e2e/tap.py tests/e2e/harness.py tests/e2e/bodies.py \
	tests/e2e/crossed_wire.py tests/e2e/tls_peer.py \
	tests/e2e/certificates.py tests/e2e/scram.py tests/e2e/fake_milter.py \
	tests/e2e/terminal.py
E2E_TESTS = \
	tests/e2e/test_admin.py \
	tests/e2e/test_authors.py \
	tests/e2e/test_aliases.py \
	tests/e2e/test_conformance.py \
	tests/e2e/test_bad_input.py \
	tests/e2e/test_cert.py \
	tests/e2e/test_clients_read.py \
	tests/e2e/test_clients_send.py \
	tests/e2e/test_clients_tls.py \
	tests/e2e/test_crossed_wire.py \
	tests/e2e/test_cut_through.py \
	tests/e2e/test_daemon.py \
	tests/e2e/test_demonstration.py \
	tests/e2e/test_descriptors.py \
	tests/e2e/test_exactly_once.py \
	tests/e2e/test_esmtp.py \
	tests/e2e/test_extensions.py \
	tests/e2e/test_future_release.py \
	tests/e2e/test_hostile.py \
	tests/e2e/test_large_message.py \
	tests/e2e/test_lmtp.py \
	tests/e2e/test_login.py \
	tests/e2e/test_mailsh_files.py \
	tests/e2e/test_mailsh_odd_mail.py \
	tests/e2e/test_login_oracle.py \
	tests/e2e/test_mailboxes.py \
	tests/e2e/test_login_turns.py \
	tests/e2e/test_mailsh_scripts.py \
	tests/e2e/test_mailsh_servers.py \
	tests/e2e/test_mailsh_status.py \
	tests/e2e/test_mailsh_terminal.py \
	tests/e2e/test_mailsh_tls.py \
	tests/e2e/test_outbound.py \
	tests/e2e/test_proxy.py \
	tests/e2e/test_milter.py \
	tests/e2e/test_queue_tools.py \
	tests/e2e/test_receiver.py \
	tests/e2e/test_reports.py \
	tests/e2e/test_receiver_journal.py \
	tests/e2e/test_receiver_policy.py \
	tests/e2e/test_requirements.py \
	tests/e2e/test_requiretls.py \
	tests/e2e/test_sender.py \
	tests/e2e/test_sendmail.py \
	tests/e2e/test_shell_mime.py \
	tests/e2e/test_slow_server.py \
	tests/e2e/test_stalled.py \
	tests/e2e/test_tls.py \
	tests/e2e/test_volume.py \
	tests/e2e/test_tls_clients.py \
	tests/e2e/test_tls_reload.py
EXTRA_DIST += $(E2E_SUPPORT) $(E2E_TESTS) tests/e2e/shell
TESTS += $(E2E_TESTS)

# The large versions, with figures; not part of make check.
.PHONY: crossed-wire crossed-wire-kill
crossed-wire: all
	@$(AM_TESTS_ENVIRONMENT) $(PYTHON) $(top_srcdir)/tests/e2e/crossed_wire.py
crossed-wire-kill: all
	@$(AM_TESTS_ENVIRONMENT) $(PYTHON) $(top_srcdir)/tests/e2e/crossed_wire.py \
		--kill 10
