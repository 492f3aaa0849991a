noinst_LIBRARIES += src/auth/libauth.a
src_auth_libauth_a_CFLAGS = $(AM_CFLAGS) $(GSASL_CFLAGS) $(CRYPT_CFLAGS)
src_auth_libauth_a_SOURCES = \
	src/auth/login_guard.c src/auth/login_guard.h \
	src/auth/login_known.c src/auth/login_known.h \
	src/auth/login_table.c src/auth/login_table.h \
	src/auth/login_wait.c \
	src/auth/login_options.c src/auth/login_options.h \
	src/auth/login_secret.c src/auth/login_secret.h \
	src/auth/password.c src/auth/password.h \
	src/auth/sasl.c src/auth/sasl.h src/auth/sasl_private.h \
	src/auth/sasl_base64.c src/auth/sasl_client.c src/auth/sasl_client.h \
	src/auth/sasl_verify.c \
	src/auth/scram_key.c src/auth/scram_key.h \
	src/auth/scram_message.c src/auth/scram_message.h \
	src/auth/turns.c src/auth/turns.h \
	src/auth/users.c src/auth/users.h \
	src/auth/users_edit.c src/auth/users_edit.h \
	src/auth/users_login.c src/auth/users_private.h \
	src/auth/users_line.c src/auth/users_line.h \
	src/auth/users_table.c src/auth/users_table.h
AUTH_LIBS = src/auth/libauth.a $(NET_LIBS) $(GSASL_LIBS) $(CRYPT_LIBS)
