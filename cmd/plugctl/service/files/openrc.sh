#!/sbin/openrc-run
# shellcheck shell=sh
# {{mark}}
#
# rc-service {{.Name}} stop frees the port; sessions go on until they end.

# shellcheck disable=SC2034
description="TCP plug proxy {{.Name}}"
# shellcheck disable=SC2034
extra_started_commands="reload upgrade"
# shellcheck disable=SC2034
description_reload="Reopen the session file and reload"
# shellcheck disable=SC2034
description_upgrade="Upgrade to the program that lies at its path now, without a restart"

depend() {
	need net
	use logger
	after firewall
}

{{template "daemon.sh" .}}
start() {
	ebegin "Starting $RC_SVCNAME"
	plug
	eend $? "plug does not serve"
}

stop() {
	ebegin "Stopping $RC_SVCNAME"
	if pid=$(master); then
		kill -TERM "$pid" && patiently gone "$pid"
	fi
	eend $? "master $pid has not ended"
}

reload() {
	ebegin "Reloading $RC_SVCNAME"
	pid=$(master) && kill -HUP "$pid"
	eend $? "no master of $pidfile"
}

upgrade() {
	ebegin "Upgrading $RC_SVCNAME"
	pid=$(master) && kill -USR2 "$pid" && patiently replaced "$pid"
	eend $? "master ${pid:-of $pidfile} has not been replaced; syslog says why"
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
