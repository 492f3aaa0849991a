# RFC 5321 4.2.4: whatever a policy says of it, an unknown verb is refused.
< 220 *
> XYZZY
< 500 5.5.1 Unknown command
> REFUSED
< 554 5.7.1 Not that
> ACCEPTED
< 500 5.5.1 Unknown command
> QUIT
expect 221
expect close
