#ifndef PP_SENDMAIL_SENDMAIL_OPTIONS_H
#define PP_SENDMAIL_SENDMAIL_OPTIONS_H

#include "base/option.h"
#include "sendmail/sendmail.h"

/* sendmail_options_table - of struct sendmail_options. */
const struct option *sendmail_options_table(void);

/* sendmail_options_check - are the domains such, as in the servers' lists?  -1
 * (PERM): one of the file `path` is not. */
int sendmail_options_check(const struct sendmail_options *o, const char *path,
			   struct err *e);

/* sendmail_options_path - the file that is read without -C. */
const char *sendmail_options_path(void);

#endif
