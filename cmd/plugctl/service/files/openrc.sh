#!/sbin/openrc-run
# shellcheck shell=sh
# {{mark}}
#
# rc-service {{.Name}} stop frees the port; sessions continue until they end.

# shellcheck disable=SC2034
description="TCP plug proxy {{.Name}}"
# shellcheck disable=SC2034
extra_started_commands="reload upgrade"
# shellcheck disable=SC2034
description_reload="Reopen the session file and reload"
# shellcheck disable=SC2034
description_upgrade="Upgrade to the program that is now at its path, without a restart"

depend() {
	need net
	use logger
	after firewall
}

{{template "daemon.sh" .}}
start() {
	ebegin "Starting $RC_SVCNAME"
	plug
	eend $? "plug is not serving"
}

stop() {
	ebegin "Stopping $RC_SVCNAME"
	if pid=$(master); then
		kill -TERM "$pid" && patiently gone "$pid"
	fi
	eend $? "master $pid did not end"
}

reload() {
	ebegin "Reloading $RC_SVCNAME"
	pid=$(master) && kill -HUP "$pid"
	eend $? "no running master in $pidfile"
}

upgrade() {
	ebegin "Upgrading $RC_SVCNAME"
	pid=$(master) && kill -USR2 "$pid" && patiently replaced "$pid"
	eend $? "master ${pid:-in $pidfile} was not replaced; see syslog"
}

status() {
	if pid=$(master); then
		einfo "status: started, master $pid, $(workers) workers in $pidfile"
		return 0
	fi
	if service_started; then
		eerror "status: crashed"
		return 32
	fi
	einfo "status: stopped"
	return 3
}
