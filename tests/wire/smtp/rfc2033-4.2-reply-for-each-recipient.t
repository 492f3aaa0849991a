# After the data: a reply for each accepted recipient, in their order, also
# for one named twice; a policy's 421 does not cut the others off.
set lmtp 1
< 220 *
> LHLO c
expect 250
>> MAIL FROM:<alice@abc.com>\r\nRCPT TO:<bob@xyz.com>\r\nRCPT TO:<nobody@xyz.com>\r\nRCPT TO:<over@xyz.com>\r\nRCPT TO:<bob@xyz.com>\r\nRCPT TO:<gone@xyz.com>\r\nDATA\r\n
expect 250 2.1.0
expect 250 2.1.5
expect 550 5.1.1
expect 250 2.1.5
expect 250 2.1.5
expect 250 2.1.5
expect 354
> hello
> .
< 250 2.0.0 Stored as 1
< 452 4.2.2 Over quota now
< 250 2.0.0 Stored as 1
< 451 4.3.0 Gone
> NOOP
expect 250
> QUIT
expect 221
message: hello\r\n
stored: 1
