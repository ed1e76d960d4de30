{{- /* what the scripts of OpenRC and System V share */ -}}
# shellcheck disable=all
pidfile={{sh .Pidfile}}

# plug detaches itself: it returns 0 once it is serving, else it prints the reason.
plug() {
{{- range .Runtime}}
	[ -d /run/{{.}} ] || mkdir -m 755 /run/{{.}} || return 4
{{- end}}
	# shellcheck disable=all
	{{.Command}}
}

# held reports whether a plug has the pidfile locked. The PID in a stale file may
# belong to another plug by now, but no process has its lock. Without flock(1) the
# file is trusted.
held() {
	! flock -n -s 9 9<"$pidfile" 2>/dev/null
}

# master prints the PID of the running master: the first line of the pidfile. A
# master sets its title shortly after it starts to serve; until then it shows its
# command line.
master() (
	[ -r "$pidfile" ] && held && read -r pid <"$pidfile" || exit 1
	title=$(tr '\0' ' ' <"/proc/$pid/cmdline") 2>/dev/null || exit 1
	case $title in
	"plug: master"* | "{{.Program}} "*) echo "$pid" ;;
	*) exit 1 ;;
	esac
)

# patiently COMMAND... waits up to 15 seconds for it to succeed.
patiently() {
	left=150
	until "$@"; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || return 1
		sleep 0.1 2>/dev/null || sleep 1
	done
}

gone() { ! [ -e "/proc/$1/exe" ]; }

replaced() (
	new=$(master) && [ "$new" != "$1" ]
)

workers() { echo "$(($(wc -l <"$pidfile") - 1))"; }
