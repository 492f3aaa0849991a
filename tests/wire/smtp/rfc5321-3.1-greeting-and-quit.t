# RFC 5321 3.1, 3.8: greeting, QUIT with 221, close.
< 220 mx.test ESMTP *
> QUIT
< 221 2.0.0 mx.test *
expect close
policy: none
