noinst_LIBRARIES += src/net/libnet.a
src_net_libnet_a_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
src_net_libnet_a_SOURCES = \
	src/net/dial.c src/net/dial.h \
	src/net/listener.c src/net/listener.h \
	src/net/resolve.c src/net/resolve.h \
	src/net/stream.c src/net/stream.h \
	src/net/tls_cert.c src/net/tls_cert.h \
	src/net/tls_cert_private.h src/net/tls_cert_read.c \
	src/net/unix_socket.c src/net/unix_socket.h
NET_LIBS = src/net/libnet.a $(OPENSSL_LIBS)
