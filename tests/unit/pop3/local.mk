# pop3
