# Sample configurations are installed beside the documents.
examplesdir = $(docdir)/examples
dist_examples_DATA =

# The quickstart's; ports are put in when it runs.
EXTRA_DIST += conf/demo-sender.conf conf/demo-receiver.conf \
	demo/demonstration.msh
dist_examples_DATA += conf/receiver.conf
dist_examples_DATA += conf/sender.conf
dist_examples_DATA += conf/sendmail.conf

# For certbot, likewise.
dist_examples_DATA += conf/certbot-hook

# For fail2ban, to be copied where it looks.
fail2bandir = $(examplesdir)/fail2ban
dist_fail2ban_DATA = conf/fail2ban/filter.conf conf/fail2ban/jail.conf
