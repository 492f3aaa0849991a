#ifndef PP_MAIL_ADDRESS_PRIVATE_H
#define PP_MAIL_ADDRESS_PRIVATE_H

#include "mail/address.h"

/* Shared by address.c (grammar) and address_form.c (forms). */

/* address_dot_string - length of the dot-string at the start of s (RFC 5321
 * 4.1.2), 0 when there is none; flags as for address_parse_path. */
size_t address_dot_string(struct span s, unsigned flags);

/* address_to_a_labels - the A-label form of a domain with U-labels (RFC 5890
 * 2.3.2.1), into out; 0 or -1. */
int address_to_a_labels(struct span domain, char *out, size_t size);

#endif
