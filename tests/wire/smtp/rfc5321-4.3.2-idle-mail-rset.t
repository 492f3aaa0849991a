# A transaction without a recipient is nothing, either.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RSET
expect 421 4.7.0
expect close
