#!/bin/sh
#
# PROVIDE: {{.Name}}
# REQUIRE: NETWORKING syslogd
# KEYWORD: shutdown
#
# {{mark}}
#
# In /etc/rc.conf: {{.Variable}}_enable=YES
# stop frees the port; sessions continue until they end.

# shellcheck source=/dev/null
. /etc/rc.subr

# rc.subr reads these.
# shellcheck disable=SC2034
name={{.Variable}}
# shellcheck disable=SC2034
desc="TCP plug proxy {{.Name}}"
# shellcheck disable=SC2034
rcvar={{.Variable}}_enable
# shellcheck disable=SC2034
extra_commands="reload upgrade"
# shellcheck disable=SC2034
start_cmd=plug_start
# shellcheck disable=SC2034
upgrade_cmd=plug_upgrade
# shellcheck disable=SC2034
command={{.Program}}
# shellcheck disable=all
pidfile={{sh .Pidfile}}

load_rc_config "$name"
: "{{print "${" .Variable "_enable:=NO}"}}"

# plug detaches itself: it returns 0 once it is serving, else it prints the reason.
plug_start() {
{{- range .Runtime}}
	[ -d /var/run/{{.}} ] || mkdir -m 755 /var/run/{{.}} || return 4
{{- end}}
	# shellcheck disable=all
	{{.Command}}
}

plug_upgrade() {
	read -r old <"$pidfile" && kill -USR2 "$old" || return 1
	left=150
	while [ "$left" -gt 0 ]; do
		if read -r new <"$pidfile" && [ "$new" != "$old" ]; then
			echo "{{.Name}}: upgraded, master $new"
			return 0
		fi
		left=$((left - 1))
		sleep 0.1
	done
	echo "{{.Name}}: master $old was not replaced; see syslog"
	return 1
}

# The PID in a stale pidfile may belong to another plug by now, but no process has its lock.
if lockf -k -n -s -t 0 "$pidfile" true; then
	pidfile=$pidfile.stale
fi

run_rc_command "$1"
