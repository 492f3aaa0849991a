# Chunks under way behind a refused one are no further errors.
set errors-max 3
< 220 *
> EHLO c
expect 250
>> BDAT 1\r\nxBDAT 1\r\nxBDAT 1\r\nxBDAT 1\r\nxBDAT 1 LAST\r\nx
expect 503
expect 503
expect 503
expect 503
expect 503
> NOOP
expect 250
> QUIT
expect 221
