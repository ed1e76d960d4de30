// Package service owns how a plug becomes a service of the system: the files
// that systemd, OpenRC, a System V init and FreeBSD's rc want, their quoting,
// and the checks before one is installed. kardianos/service knows each
// manager's commands and directories and does the installing; what it installs
// is rendered here.
//
//	command line → order → check (plug --check) → plan → file → kardianos/service
//
// An order is what the admin asks for, a plan what a manager has to be told:
// under systemd plug stays in the foreground as the unit's one main process,
// under all others it detaches by itself when it serves, and its pidfile says
// which process is the master.
package service
