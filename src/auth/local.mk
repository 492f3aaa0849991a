noinst_LIBRARIES += src/auth/libauth.a
src_auth_libauth_a_CFLAGS = $(AM_CFLAGS) $(GSASL_CFLAGS) $(CRYPT_CFLAGS)
src_auth_libauth_a_SOURCES = \
	src/auth/password.c src/auth/password.h \
	src/auth/sasl.c src/auth/sasl.h \
	src/auth/users.c src/auth/users.h \
	src/auth/users_edit.c src/auth/users_edit.h \
	src/auth/users_line.c src/auth/users_line.h \
	src/auth/users_table.c src/auth/users_table.h
AUTH_LIBS = src/auth/libauth.a $(GSASL_LIBS) $(CRYPT_LIBS)
