# RFC 2449 6.6: many commands at once, answered in order.
< +OK *
>> USER bob@xyz.com\r\nPASS secret\r\nSTAT\r\nLIST 1\r\nDELE 1\r\nNOOP\r\nQUIT\r\nSTAT\r\n
< +OK send PASS
< +OK 5 messages, 241 octets
< +OK 5 241
< +OK 1 43
< +OK message 1 deleted
< +OK nothing done
< +OK 4 messages left, bye
expect close
mailbox: open bob@xyz.com
mailbox: remove 1
mailbox: sync
mailbox: close
