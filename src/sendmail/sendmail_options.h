#ifndef PP_SENDMAIL_SENDMAIL_OPTIONS_H
#define PP_SENDMAIL_SENDMAIL_OPTIONS_H

#include "base/option.h"

/* sendmail_options_table - of struct sendmail_options. */
const struct option *sendmail_options_table(void);

/* sendmail_options_path - the file that is read without -C. */
const char *sendmail_options_path(void);

#endif
