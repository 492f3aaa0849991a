#ifndef PP_BASE_DESCRIPTORS_H
#define PP_BASE_DESCRIPTORS_H

/*
 * descriptors_hold - open /dev/null on each of 0, 1 and 2 that is closed.  A
 * program started without them (`prog >&-`, a careless service manager) would
 * get them for the next file or connection it opens, and then send what it
 * prints to a server, or into a file of its own.  The first thing in main().
 * 0, or -1: /dev/null cannot be opened, and nothing may be done.
 */
int descriptors_hold(void);

#endif
