#noinst_LIBRARIES += src/smtp/libsmtp.a
#src_smtp_libsmtp_a_SOURCES = \
#	src/smtp/smtp_client.c src/smtp/smtp_client.h \
#	src/smtp/smtp_limits.h \
#	src/smtp/smtp_server.c src/smtp/smtp_server.h
#SMTP_LIBS = src/smtp/libsmtp.a
