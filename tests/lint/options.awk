# options.awk - lists that two sides must agree on, one entry a line.
#
#   -v want=dump      `--dump-options` of a server:  [section] key = default
#   -v want=live      the same: only the keys that SIGHUP takes over, no values
#   -v want=livepage  these in postpair.conf.5, for -v program=postpair-...
#   -v want=page      the same of postpair.conf.5, for -v program=postpair-...
#   -v want=help      options in the output of `--help`
#   -v want=manual    options of a manual page:  .It Fl f Ar x , Fl -foreground

function trim(s) { sub(/^[ \t]+/, "", s); sub(/[ \t]+$/, "", s); return s }

want == "dump" && /^\[.*\]$/ { section = $0; print section; next }
want == "dump" && /^#/ { must = /  Must be set\./; next }
want == "dump" && / =/ {
	at = index($0, " =")
	value = trim(substr($0, at + 2))
	if (must) value = "required"
	print section " " substr($0, 1, at - 1) " = " value
}

# A section of free names has no line of its own.
function flush_live() { if (live) print section; live = 0 }
want == "live" && /^\[.*\]$/ { flush_live(); section = $0; next }
want == "live" && /^#/ { flush_live(); live = /  SIGHUP takes it over\.$/; next }
want == "live" && live && / =/ {
	print section " " $1
	live = 0
}
END { if (want == "live") flush_live() }

want == "livepage" && /^\.S[hs] / { on = /^\.Ss Reload of / && $4 == program; next }
want == "livepage" && on && /^\.It Li / {
	print $3 (NF > 3 ? " " $5 : "")
}

want == "page" && /^\.Ss Section / {
	section = $5 == program ? $3 : ""
	if (section != "") print section
}
want == "page" && /^\.S[hs] / && !/^\.Ss Section / { section = "" }
want == "page" && section != "" && /^\.It Cm / {
	value = ""
	if (sub(/ Pq required$/, "")) value = "required"
	else if (match($0, / Pq Li .*$/))
		value = substr($0, RSTART + 7)
	print section " " $3 " = " value
}

# "  -c, --config=FILE   text": the first column only.
want == "help" && /^ +-/ {
	line = trim($0)
	sub(/   *[^ ].*$/, "", line)
	n = split(line, word, /[ ,=\[]+/)
	for (i = 1; i <= n; i++)
		if (word[i] ~ /^--?[A-Za-z]/) print word[i]
}

want == "manual" && /^\.It Fl / {
	for (i = 2; i < NF; i++)
		if ($i == "Fl") print "-" $(i + 1)
}
