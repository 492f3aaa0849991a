# With the mail programs of others.  make interop runs these in a throwaway copy
# of the system that has them all (world.py); by hand, with what is installed:
# make check TESTS='$(INTEROP_TESTS)'.
INTEROP_SUPPORT = tests/interop/world.py \
	tests/interop/neighbour.py tests/interop/exim.py \
	tests/interop/milter_neighbour.py tests/interop/opendkim.py \
	tests/interop/opendmarc.py tests/interop/clamav.py \
	tests/interop/rspamd.py tests/interop/nameserver.py \
	tests/interop/opensmtpd.py tests/interop/postfix.py \
	tests/interop/dovecot.py
INTEROP_TESTS = \
	tests/interop/test_dovecot_tls.py \
	tests/interop/test_dns.py \
	tests/interop/test_milter_clamav.py \
	tests/interop/test_milter_opendkim.py \
	tests/interop/test_milter_opendmarc.py \
	tests/interop/test_milter_rspamd.py \
	tests/interop/test_dovecot_login.py \
	tests/interop/test_mutt_login.py \
	tests/interop/test_chain.py \
	tests/interop/test_lmtp_servers.py \
	tests/interop/test_other_servers.py
EXTRA_DIST += $(INTEROP_SUPPORT) $(INTEROP_TESTS)

.PHONY: interop
interop: all
	@$(PYTHON) $(top_srcdir)/tests/interop/world.py \
		--debs interop-packages --keep '$(abs_top_srcdir)' \
		--keep '$(abs_top_builddir)' -- \
		$(MAKE) check TESTS='$(INTEROP_TESTS)' || { \
		status=$$?; test $$status -eq 77 && \
		echo "interop: skipped, see above" && exit 0; exit $$status; }
