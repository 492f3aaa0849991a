# Before login one deadline bounds the whole dialogue.
set idle-ms 300
< +OK *
>> CAP
expect close
