# code.awk - checks on the text of C files, comments and strings left out.
#   awk -f code.awk file.c ...
# 1. Functions that must not be called: those without a bound, those that keep
#    state shared by threads, those that end the program.
# 2. No function body longer than MAX_LINES.

BEGIN {
	MAX_LINES = 90
	banned = "alloca asctime atof atoi atol atoll basename crypt ctime " \
	    "dirname drand48 fgetgrent getgrgid getgrnam gethostbyname " \
	    "getlogin getpwnam getpwuid gets gmtime hcreate hsearch inet_ntoa " \
	    "localtime longjmp lrand48 mktemp mrand48 popen pthread_cancel " \
	    "ptsname rand readdir_r scanf setjmp sprintf srand sscanf stpcpy " \
	    "strcat strcpy strerror strncat strncpy strsignal strtok system " \
	    "tempnam tmpnam ttyname vsprintf"
	n = split(banned, word, " ")
	for (i = 1; i <= n; i++)
		is_banned[word[i]] = 1
}

function offence(line, what) {
	printf "%s:%d: %s\n", FILENAME, line, what
	bad = 1
}

FNR == 1 {
	in_comment = 0
	start = 0
}

{
	# leave out string and character constants, then comments
	text = $0
	gsub(/\\\\/, "", text)
	gsub(/\\"/, "", text)
	gsub(/\\'/, "", text)
	gsub(/"[^"]*"/, "\"\"", text)
	gsub(/'[^']*'/, "' '", text)
	if (in_comment) {
		if (text !~ /\*\//)
			next
		sub(/^.*\*\//, "", text)
		in_comment = 0
	}
	gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, " ", text)
	if (text ~ /\/\*/) {
		sub(/\/\*.*/, "", text)
		in_comment = 1
	}
	code = text
	while (match(text, /[A-Za-z_][A-Za-z_0-9]*[ \t]*\(/)) {
		before = RSTART > 1 ? substr(text, RSTART - 1, 1) : ""
		call = substr(text, RSTART, RLENGTH)
		sub(/[ \t]*\($/, "", call)
		if (call in is_banned && before != "." && before != ">")
			offence(FNR, call "() is banned")
		text = substr(text, RSTART + RLENGTH)
	}
	# in this style only a function's braces stand in column one, alone
	if (code ~ /^\{[ \t]*$/)
		start = FNR
	if (code ~ /^\}[ \t]*$/ && start > 0) {
		if (FNR - start - 1 > MAX_LINES)
			offence(start, "function of " (FNR - start - 1) \
			    " lines, more than " MAX_LINES)
		start = 0
	}
}

END {
	exit bad
}
