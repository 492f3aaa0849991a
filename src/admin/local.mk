sbin_PROGRAMS += src/admin/postpair-admin
src_admin_postpair_admin_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
src_admin_postpair_admin_SOURCES = \
	src/admin/admin.c src/admin/admin.h \
	src/admin/admin_ask.c src/admin/admin_ask.h \
	src/admin/admin_cert.c \
	src/admin/admin_cert_make.c \
	src/admin/admin_config.c \
	src/admin/admin_credential.c src/admin/admin_credential.h \
	src/admin/admin_journal.c \
	src/admin/admin_json.c src/admin/admin_json.h \
	src/admin/admin_password.c src/admin/admin_password.h \
	src/admin/admin_queue.c \
	src/admin/admin_store.c \
	src/admin/admin_row.c src/admin/admin_row.h \
	src/admin/admin_why.c src/admin/admin_why.h \
	src/admin/admin_user.c
src_admin_postpair_admin_LDADD = $(NET_LIBS) $(AUTH_LIBS) $(STORE_LIBS) $(MAIL_LIBS) \
	$(BASE_LIBS) \
	$(JANSSON_LIBS)
