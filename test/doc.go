// Package test tests the plug binary from outside, as an admin and a client
// see it: through sockets, /proc, the pidfile, the session file and syslog.
//
// Packages upgrade, chaos, resource, control, service and lastbytes beside it
// do the same, each for one subject. All of them start plugs with package
// harness and import nothing else of the project.
package test
