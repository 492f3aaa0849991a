#!/bin/sh
# Programs and manual pages must tell the same: every key of every section with
# its default, every option of the command line, and nothing else.
. "$top_srcdir/tests/lint/tap.sh"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

list()
{
	"${AWK:-awk}" -f "$top_srcdir/tests/lint/options.awk" "$@" |
		LC_ALL=C sort
}

# agree NAME: are the two lists the same, and not empty?
agree()
{
	diff "$work/program" "$work/page" >"$work/out" 2>&1 &&
		test -s "$work/program"
	tap_result $? "$1" "$work/out"
}

page=$top_srcdir/man/postpair.conf.5
for program in postpair-sender postpair-receiver; do
	binary=$top_builddir/src/${program#postpair-}/$program
	"$binary" --dump-options >"$work/dump"
	list -v want=dump "$work/dump" >"$work/program"
	list -v want=page -v program="$program" "$page" >"$work/page"
	agree "$program: every key and its default is in postpair.conf(5)"
	list -v want=live "$work/dump" >"$work/program"
	list -v want=livepage -v program="$program" "$page" >"$work/page"
	agree "$program: postpair.conf(5) names the keys that SIGHUP takes over"
done

while read -r binary page; do
	"$top_builddir/src/$binary" --help >"$work/help"
	list -v want=help "$work/help" >"$work/program"
	list -v want=manual "$top_srcdir/man/$page" >"$work/page"
	agree "$(basename "$binary"): every option is in its manual page"
done <<LIST
admin/postpair-admin postpair-admin.8
receiver/postpair-receiver postpair-receiver.8
sender/postpair-sender postpair-sender.8
sendmail/postpair-sendmail postpair-sendmail.8
shell/mailsh mailsh.1
LIST

# The samples must load: a key that was renamed is found here.
: >"$work/users" && chmod 600 "$work/users"
admin=$top_builddir/src/admin/postpair-admin
"$admin" cert ca --dir "$work/tls" >"$work/out" 2>&1 &&
	"$admin" cert host localhost --dir "$work/tls" >"$work/out" 2>&1
tap_result $? "certificates for the samples" "$work/out"
for sample in "$top_srcdir"/conf/*.conf; do
	name=$(basename "$sample")
	program=${name%.conf}
	program=${program#demo-}
	sed -e 's/@[A-Z0-9]*@/1/g' \
		-e "s|^users-file *=.*|users-file = $work/users|" \
		-e "s|= tls/|= $work/tls/|" \
		"$sample" >"$work/sample.conf"
	"$top_builddir/src/$program/postpair-$program" --dump-options \
		--config "$work/sample.conf" >/dev/null 2>"$work/out"
	tap_result $? "conf/$name: the server understands it" "$work/out"
done

for page in "$top_srcdir"/man/*.[1-8]; do
	name=$(basename "$page")
	if ! command -v "${MANDOC:-mandoc}" >/dev/null; then
		tap_skip "$name: mandoc finds no fault" "no mandoc"
		continue
	fi
	# Pages of ours that are not installed yet are no fault.
	"${MANDOC:-mandoc}" -Tlint "$page" 2>&1 |
		grep -v -e 'referenced manual not found' \
			-e 'outdated mandoc.db' >"$work/out"
	test ! -s "$work/out"
	tap_result $? "$name: mandoc finds no fault" "$work/out"
done
tap_done
