noinst_LIBRARIES += src/pop3/libpop3.a
src_pop3_libpop3_a_SOURCES = \
	src/pop3/pop3_client.c src/pop3/pop3_client.h \
	src/pop3/pop3_client_login.c \
	src/pop3/pop3_client_mail.c src/pop3/pop3_client_private.h \
	src/pop3/pop3_client_tls.c \
	src/pop3/pop3_server.c src/pop3/pop3_server.h \
	src/pop3/pop3_server_auth.c src/pop3/pop3_server_list.c \
	src/pop3/pop3_server_message.c src/pop3/pop3_server_private.h \
	src/pop3/pop3_server_stls.c
POP3_LIBS = src/pop3/libpop3.a $(AUTH_LIBS)
