# Half a command is silence too.
set idle-ms 100
< 220 *
>> NOO
expect 421 4.4.2
expect close
