#!/bin/sh
### BEGIN INIT INFO
# Provides:          {{.Name}}
# Required-Start:    $network $remote_fs
# Required-Stop:     $network $remote_fs
# Should-Start:      $syslog $named
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: TCP plug proxy {{.Name}}
# Description:       {{mark}}; stop frees the port,
#                    and sessions continue until they end.
### END INIT INFO

PATH=/sbin:/usr/sbin:/bin:/usr/bin
name={{.Name}}
{{template "daemon.sh" .}}
# say prints a line and returns the status that LSB defines.
say() {
	echo "$name: $2"
	return "$1"
}

start() {
	if pid=$(master); then
		say 0 "already running, master $pid"
		return
	fi
	if plug; then
		say 0 "started, master $(master)"
	else
		say 1 "not started: plug is not serving"
	fi
}

stop() {
	pid=$(master) || {
		say 0 "already stopped"
		return
	}
	if kill -TERM "$pid" && patiently gone "$pid"; then
		say 0 "stopped"
	else
		say 1 "master $pid did not end"
	fi
}

reload() {
	if pid=$(master) && kill -HUP "$pid"; then
		say 0 "reloaded, master $pid"
	else
		say 7 "not running"
	fi
}

upgrade() {
	pid=$(master) || {
		say 7 "not running"
		return
	}
	if kill -USR2 "$pid" && patiently replaced "$pid"; then
		say 0 "upgraded, master $(master)"
	else
		say 1 "master $pid was not replaced; see syslog"
	fi
}

status() {
	if pid=$(master); then
		echo "Running: $name, master $pid, $(workers) workers in $pidfile"
	elif [ -e "$pidfile" ]; then
		echo "Stopped: $name is dead, but its pidfile $pidfile exists"
		return 1
	else
		echo "Stopped: $name"
		return 3
	fi
}

case ${1-} in
start | stop | reload | upgrade | status) "$1" ;;
force-reload) reload ;;
restart) stop && start ;;
*)
	echo "usage: $0 start|stop|restart|reload|force-reload|upgrade|status" >&2
	exit 2
	;;
esac
