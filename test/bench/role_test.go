//go:build linux

// A test that each role leads its own session.

package main

import (
	"strings"
	"testing"
)

// Clients, target and proxy each lead a session, as daemons do.
func TestSessions(t *testing.T) {
	out, err := roleCommand(roleEnter, "--", "/bin/cat", "/proc/self/stat").Output()
	if err != nil {
		t.Fatal(err)
	}
	// pid (comm) state ppid pgrp session: proc_pid_stat(5)
	if f := strings.Fields(string(out)); len(f) < 6 || f[5] != f[0] {
		t.Errorf("not in a session of its own: %s", out)
	}
}
