noinst_LIBRARIES += src/store/libstore.a
src_store_libstore_a_SOURCES = \
	src/store/delivery.c src/store/delivery.h \
	src/store/devices.c src/store/devices.h \
	src/store/directory.c src/store/directory.h \
	src/store/fitness.c src/store/fitness.h \
	src/store/ledger.c src/store/ledger.h \
	src/store/ledger_checkpoint.c \
	src/store/ledger_later.c src/store/ledger_later.h \
	src/store/ledger_record.c src/store/ledger_record.h \
	src/store/ledger_recover.c src/store/ledger_private.h \
	src/store/ledger_restore.c src/store/ledger_restore.h \
	src/store/leftovers.c src/store/leftovers.h \
	src/store/listing.c src/store/listing.h \
	src/store/maildir.c src/store/maildir.h \
	src/store/maildir_cache.c src/store/maildir_cache.h \
	src/store/maildir_name.c src/store/maildir_name.h \
	src/store/maildir_private.h src/store/maildir_tree.c \
	src/store/maildrop.c src/store/maildrop.h src/store/maildrop_private.h \
	src/store/maildrop_again.c src/store/maildrop_list.c \
	src/store/mounts.c src/store/mounts.h \
	src/store/octets.c src/store/octets.h \
	src/store/place.c src/store/place.h \
	src/store/quota.c src/store/quota.h \
	src/store/volume.c src/store/volume.h
STORE_LIBS = src/store/libstore.a $(JOURNAL_LIBS) $(IDS_LIBS)
