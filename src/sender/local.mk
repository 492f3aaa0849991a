noinst_LIBRARIES += src/sender/libsender.a
src_sender_libsender_a_SOURCES = \
	src/sender/control.c src/sender/control.h \
	src/sender/control_json.c src/sender/control_json.h \
	src/sender/control_queue.c src/sender/control_private.h \
	src/sender/control_why.c src/sender/control_tls.c \
	src/sender/control_request.c src/sender/control_request.h \
	src/sender/dane.c src/sender/dane.h \
	src/sender/mx.c src/sender/mx.h \
	src/sender/reach_mx.c src/sender/reach_private.h \
	src/sender/reach_tls.c \
	src/sender/sts.c src/sender/sts.h \
	src/sender/sts_policy.c src/sender/sts_policy.h \
	src/sender/sts_store.c src/sender/sts_store.h \
	src/sender/tls_memory.c src/sender/tls_memory.h \
	src/sender/credentials.c src/sender/credentials.h \
	src/sender/from_header.c src/sender/from_header.h \
	src/sender/local_users.c src/sender/local_users.h \
	src/sender/login_limits.c src/sender/login_limits.h \
	src/sender/pickup.c src/sender/pickup.h \
	src/sender/pickup_private.h src/sender/pickup_send.c \
	src/sender/pool.c src/sender/pool.h \
	src/sender/reach.c src/sender/reach.h \
	src/sender/relay.c src/sender/relay.h \
	src/sender/route.c src/sender/route.h \
	src/sender/routes.c src/sender/routes.h \
	src/sender/sender.c src/sender/sender.h \
	src/sender/sender_reach.c \
	src/sender/sender_options.c src/sender/sender_options.h \
	src/sender/sender_cut_through.c src/sender/sender_filter.c \
	src/sender/sender_handed.c \
	src/sender/sender_local.c src/sender/sender_queue.c \
	src/sender/sender_wish.c \
	src/sender/sender_author.c \
	src/sender/sender_policy.c src/sender/sender_policy_private.h \
	src/sender/sender_private.h \
	src/sender/sender_submission.c \
	src/sender/submission_trail.c src/sender/submission_trail.h \
	src/sender/verify.c src/sender/verify.h \
	src/sender/verify_question.c src/sender/verify_private.h
SENDER_LIBS = src/sender/libsender.a $(MILTER_LIBS) $(SMTP_LIBS) \
	$(QUEUE_LIBS) $(AUTH_LIBS) $(NET_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(DNS_LIBS)

sbin_PROGRAMS += src/sender/postpair-sender
src_sender_postpair_sender_SOURCES = src/sender/main.c
src_sender_postpair_sender_LDADD = $(SENDER_LIBS)
