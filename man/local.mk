# man
dist_man_MANS += man/postpair-receiver.8
