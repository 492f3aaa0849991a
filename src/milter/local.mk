noinst_LIBRARIES += src/milter/libmilter.a
src_milter_libmilter_a_SOURCES = \
	src/milter/milter_body.c src/milter/milter_body.h \
	src/milter/milter_chain.c src/milter/milter_chain.h \
	src/milter/milter_chain_message.c src/milter/milter_chain_private.h \
	src/milter/milter_filter.c src/milter/milter_filter.h \
	src/milter/milter_filter_pass.c src/milter/milter_filter_private.h \
	src/milter/milter_filter_txn.c \
	src/milter/milter_header.c src/milter/milter_header.h \
	src/milter/milter_macro.c src/milter/milter_macro.h \
	src/milter/milter_message.c src/milter/milter_message.h \
	src/milter/milter_packet.c src/milter/milter_packet.h \
	src/milter/milter_session.c src/milter/milter_session.h \
	src/milter/milter_session_private.h src/milter/milter_session_say.c \
	src/milter/milter_setup.c src/milter/milter_setup.h
MILTER_LIBS = src/milter/libmilter.a
