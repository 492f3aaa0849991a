noinst_LIBRARIES += src/shell/libmime.a
src_shell_libmime_a_CFLAGS = $(AM_CFLAGS) $(GMIME_CFLAGS)
src_shell_libmime_a_SOURCES = \
	src/shell/mime.c src/shell/mime.h src/shell/mime_private.h \
	src/shell/mime_address.c \
	src/shell/mime_body.c \
	src/shell/mime_build.c \
	src/shell/mime_file.c \
	src/shell/mime_html.c \
	src/shell/mime_part.c \
	src/shell/mime_reply.c \
	src/shell/mime_text.c \
	src/shell/mime_value.c \
	src/shell/mime_w3m.c \
	src/shell/width.c src/shell/width.h
MIME_LIBS = src/shell/libmime.a $(GMIME_LIBS) $(UNISTRING_LIBS)
