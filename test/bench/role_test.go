//go:build linux

package main

import (
	"os/exec"
	"strings"
	"testing"
)

// Every proxy leads a session, as daemons do; those that stay in the foreground, too.
func TestEnter(t *testing.T) {
	out, err := exec.Command("/proc/self/exe", roleFlag, roleEnter, "--", "/bin/cat", "/proc/self/stat").Output()
	if err != nil {
		t.Fatal(err)
	}
	// pid (comm) state ppid pgrp session: proc_pid_stat(5)
	if f := strings.Fields(string(out)); len(f) < 6 || f[5] != f[0] {
		t.Errorf("not in a session of its own: %s", out)
	}
}
