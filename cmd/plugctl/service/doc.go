// Package service makes a plug a service of the system: it owns the files for
// systemd, OpenRC, System V init and FreeBSD's rc, their quoting, and the
// checks before an installation. kardianos/service knows each manager's
// commands and directories and does the installing; what it installs is
// rendered here.
//
//	command line → order → check (plug --check) → plan → file → kardianos/service
//
// An order is what the admin requests, a plan is what the service manager
// needs to know. Under systemd plug stays in the foreground as the unit's main
// process; under all others it detaches when it serves, and its pidfile says
// which process is the master.
package service
