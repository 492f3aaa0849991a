noinst_LIBRARIES += src/smtp/libsmtp.a
# the client side
src_smtp_libsmtp_a_SOURCES = \
	src/smtp/smtp_client.c src/smtp/smtp_client.h \
	src/smtp/smtp_client_private.h src/smtp/smtp_client_send.c \
	src/smtp/smtp_limits.h
# the server engine
SMTP_LIBS = src/smtp/libsmtp.a
