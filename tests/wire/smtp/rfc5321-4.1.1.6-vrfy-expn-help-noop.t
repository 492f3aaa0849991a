# The small verbs work in every state (4.1.4).
< 220 *
> NOOP
expect 250 2.0.0
> NOOP anything at all
expect 250 2.0.0
> VRFY bob@xyz.com
expect 252 2.5.2
> VRFY
expect 501 5.5.4
> EXPN list
expect 502 5.5.1
> EXPN
expect 501 5.5.4
> HELP
< 214 2.0.0 Commands: EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT XQUEUE XCLIENT RSET NOOP VRFY EXPN HELP QUIT
> HELP rcpt
< 214 2.0.0 RCPT TO:<address> [NOTIFY=NEVER|SUCCESS,FAILURE,DELAY] [ORCPT=type;xtext]
> HELP me
expect 504 5.5.4
> QUIT now
expect 501 5.5.4
> quit
expect 221 2.0.0
expect close
