noinst_LIBRARIES += src/net/libnet.a
src_net_libnet_a_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS) $(CURL_CFLAGS)
src_net_libnet_a_SOURCES = \
	src/net/dial.c src/net/dial.h \
	src/net/dns.c src/net/dns.h \
	src/net/dns_answer.c src/net/dns_private.h \
	src/net/dns_rdata.c src/net/dns_rdata.h \
	src/net/https.c src/net/https.h \
	src/net/listen_options.c src/net/listen_options.h \
	src/net/listener.c src/net/listener.h \
	src/net/listener_place.c \
	src/net/listener_private.h src/net/listener_session.c \
	src/net/network.c src/net/network.h \
	src/net/proxy.c src/net/proxy.h src/net/proxy_accept.c \
	src/net/rate.c src/net/rate.h \
	src/net/resolve.c src/net/resolve.h \
	src/net/services.c src/net/services.h \
	src/net/stream.c src/net/stream.h \
	src/net/stream_pace.c \
	src/net/stream_tls.c src/net/stream_private.h \
	src/net/tls_cert.c src/net/tls_cert.h \
	src/net/tls_cert_private.h src/net/tls_cert_read.c \
	src/net/tls_client.c src/net/tls.h \
	src/net/tls_content.c src/net/tls_private.h \
	src/net/tls_info.c src/net/tls_log.c \
	src/net/tls_server.c \
	src/net/tls_session.c src/net/tls_session.h \
	src/net/tls_settings.c src/net/tls_settings.h \
	src/net/tls_ticket.c \
	src/net/tls_verify.c \
	src/net/tls_outcome.c src/net/tls_outcome.h \
	src/net/tls_pin.c src/net/tls_pin.h \
	src/net/unix_socket.c src/net/unix_socket.h
NET_LIBS = src/net/libnet.a $(OPENSSL_LIBS)
# Those who ask name servers, or fetch by HTTPS, link these too.
DNS_LIBS = $(UNBOUND_LIBS) $(CURL_LIBS)
