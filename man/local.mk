# man
dist_man_MANS += man/postpair-receiver.8
dist_man_MANS += man/postpair-admin.8 man/postpair-users.5 man/postpair.conf.5
dist_man_MANS += man/mailsh.1
dist_man_MANS += man/postpair-sender.8
dist_man_MANS += man/postpair-sendmail.8 man/postpair-drop.8
