noinst_LIBRARIES += src/smtp/libsmtp.a
# the client side
src_smtp_libsmtp_a_SOURCES = \
	src/smtp/smtp_client.c src/smtp/smtp_client.h \
	src/smtp/smtp_client_auth.c src/smtp/smtp_client_chunk.c \
	src/smtp/smtp_client_private.h src/smtp/smtp_client_send.c \
	src/smtp/smtp_client_tls.c \
	src/smtp/smtp_limits.h
# the server engine
src_smtp_libsmtp_a_SOURCES += \
	src/smtp/smtp_server.c src/smtp/smtp_server.h \
	src/smtp/smtp_server_auth.c src/smtp/smtp_server_data.c \
	src/smtp/smtp_server_bdat.c src/smtp/smtp_server_extension.c \
	src/smtp/smtp_server_intake.c \
	src/smtp/smtp_server_helo.c src/smtp/smtp_server_lmtp.c \
	src/smtp/smtp_server_mail.c \
	src/smtp/smtp_server_misc.c src/smtp/smtp_server_private.h \
	src/smtp/smtp_server_queue.c \
	src/smtp/smtp_server_rcpt.c src/smtp/smtp_server_reply.c \
	src/smtp/smtp_server_starttls.c \
	src/smtp/smtp_server_txn.c src/smtp/smtp_server_xclient.c
SMTP_LIBS = src/smtp/libsmtp.a $(AUTH_LIBS)
