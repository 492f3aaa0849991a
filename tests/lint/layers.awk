# layers.awk - check every #include under src/ against src/LAYERS.
#   awk -f layers.awk src/LAYERS src/room/file.c ...   (paths as given: src/...)
# Prints one line for each offence; the exit status says whether there is one.
#
# Lines of src/LAYERS: "room allowed-room ...", "fence header-prefix file".
# Also read here: "system header ..." extends the C library's list below.

BEGIN {
	libc = "arpa/inet.h assert.h ctype.h dirent.h errno.h fcntl.h " \
	    "getopt.h glob.h grp.h iconv.h inttypes.h langinfo.h limits.h " \
	    "locale.h malloc.h fnmatch.h regex.h net/if.h netdb.h netinet/in.h netinet/tcp.h poll.h " \
	    "pthread.h pwd.h sched.h signal.h spawn.h stdalign.h stdarg.h " \
	    "stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h " \
	    "string.h strings.h sys/eventfd.h sys/file.h sys/inotify.h " \
	    "sys/ioctl.h sys/mman.h sys/prctl.h sys/random.h sys/resource.h " \
	    "sys/sendfile.h sys/signalfd.h sys/socket.h sys/stat.h " \
	    "sys/statvfs.h sys/time.h sys/timerfd.h sys/types.h sys/uio.h " \
	    "sys/un.h sys/wait.h sysexits.h syslog.h termios.h time.h " \
	    "unistd.h wchar.h"
	n = split(libc, word, " ")
	for (i = 1; i <= n; i++)
		system_header[word[i]] = 1
}

function offence(what) {
	printf "%s:%d: %s\n", FILENAME, FNR, what
	bad = 1
}

# ---- src/LAYERS
NR == FNR {
	sub(/#.*/, "")
	if (NF == 0)
		next
	if ($1 == "fence") {
		fence[$2] = fence[$2] " " $3
		next
	}
	if ($1 == "prefix" || $1 == "writable")
		next # for objects.sh
	rooms[$1] = ++n_rooms
	for (i = 2; i <= NF; i++) {
		if (!($i in rooms))
			offence("room " $i " is above " $1 " or unknown")
		may[$1, $i] = 1
	}
	next
}

# ---- sources
FNR == 1 {
	path = FILENAME
	sub(/^.*src\//, "", path)
	room = path
	sub(/\/.*/, "", room)
	if (!(room in rooms))
		offence("room " room " is not in src/LAYERS")
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, quoted, "\"")
	name = quoted[2]
	target = name
	sub(/\/.*/, "", target)
	if (name ~ /^\.|\/\.\.?\//)
		offence("relative include \"" name "\"")
	else if (name !~ /^[a-z0-9]+\/[a-z0-9_]+\.h$/)
		offence("\"" name "\" is not written as \"room/file.h\"")
	else if (target != room && !((room, target) in may))
		offence(room " may not include " target " (\"" name "\")")
	else if (target != room && name ~ /_private\.h$/)
		offence("\"" name "\" is private to " target)
}

/^[ \t]*#[ \t]*include[ \t]*</ {
	name = $0
	sub(/^[^<]*</, "", name)
	sub(/>.*/, "", name)
	if (name in system_header)
		next
	known = 0
	for (prefix in fence) {
		if (index(name, prefix) != 1)
			continue
		known = 1
		if (index(fence[prefix] " ", " " path " ") == 0)
			offence("<" name "> is fenced to" fence[prefix])
	}
	if (!known)
		offence("<" name "> is neither the C library's nor fenced")
}

END {
	exit bad
}
