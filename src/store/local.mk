noinst_LIBRARIES += src/store/libstore.a
src_store_libstore_a_SOURCES = \
	src/store/delivery.c src/store/delivery.h \
	src/store/maildir.c src/store/maildir.h \
	src/store/maildir_name.c src/store/maildir_name.h \
	src/store/maildrop.c src/store/maildrop.h \
	src/store/octets.c src/store/octets.h \
	src/store/quota.c src/store/quota.h
STORE_LIBS = src/store/libstore.a
