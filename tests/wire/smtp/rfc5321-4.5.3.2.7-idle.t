# A silent client is told to go.
set idle-ms 100
< 220 *
expect 421 4.4.2
expect close
