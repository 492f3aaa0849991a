# What is no verb of ours; the session goes on.
< 220 *
> FOO
expect 500 5.5.1
>
expect 500 5.5.1
>  NOOP
expect 500 5.5.1
> MAILFROM:<a@b.c>
expect 500 5.5.1
> \xff\xfe\x01
expect 500 5.5.1
> SEND FROM:<a@b.c>
expect 500 5.5.1
> noop
expect 250
> QUIT
expect 221
