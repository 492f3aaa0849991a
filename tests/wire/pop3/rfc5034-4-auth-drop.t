< +OK *
> AUTH PLAIN
< + 
>> AGJvYk
drop
mailbox: none
