#ifndef PP_BASE_PATHS_H
#define PP_BASE_PATHS_H

/*
 * Where things are when nothing else is said.  The directories are those of
 * ./configure (--sysconfdir, --localstatedir, --runstatedir), by Makefile.am.
 */
#define PATHS_CONF PP_SYSCONFDIR "/postpair"
#define PATHS_DATA PP_LOCALSTATEDIR "/lib/postpair"
#define PATHS_SPOOL PP_LOCALSTATEDIR "/spool/postpair"
#define PATHS_RUN PP_RUNSTATEDIR "/postpair"

#endif
