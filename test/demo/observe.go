// What the demo sees from outside: the pidfile, titles and processes.

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// pids reads the pidfile: the master first. A missing file has no PIDs.
func (d *demo) pids() []int {
	b, err := os.ReadFile(d.pidfile())
	if err != nil {
		return nil
	}
	var all []int
	for _, field := range strings.Fields(string(b)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return nil
		}
		all = append(all, pid)
		d.seen[pid] = true
	}
	return all
}

// listed reports whether the pidfile lists the master and exactly these
// clients' processes.
func (d *demo) listed(clients []*client) bool {
	pids := d.pids()
	if len(pids) != 1+len(clients) || pids[0] != d.master {
		return false
	}
	for _, c := range clients {
		if !slices.Contains(pids[1:], c.pid) {
			return false
		}
	}
	return true
}

// title is a process's title in ps; "" without one.
func title(pid int) string {
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil {
		return string(bytes.TrimSpace(bytes.ReplaceAll(bytes.TrimRight(b, "\x00"), []byte{0}, []byte{' '})))
	}
	out, _ := exec.Command("ps", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	return strings.TrimSpace(string(out))
}

// running reports whether a process exists and is not a zombie, which only
// waits for its parent.
func running(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil && err != syscall.EPERM {
		return false
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	// proc_pid_stat(5): the state follows the name in parentheses.
	_, rest, _ := strings.Cut(string(b[bytes.LastIndexByte(b, ')'):]), " ")
	return !strings.HasPrefix(rest, "Z")
}

// left lists the processes of this demo that are still running: those that
// were ever in the pidfile, and the spares, which are not in it.
func (d *demo) left() []int {
	all := ofBinary(d.plug)
	for pid := range d.seen {
		if running(pid) && strings.HasPrefix(title(pid), "plug") && !slices.Contains(all, pid) {
			all = append(all, pid)
		}
	}
	slices.Sort(all)
	return all
}

// ofBinary lists the running processes of an executable, if /proc shows them.
// The demo runs its own copy, so they all belong to it.
func ofBinary(path string) []int {
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	var all []int
	for _, link := range links {
		to, _ := os.Readlink(link)
		if strings.TrimSuffix(to, " (deleted)") != path {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil && running(pid) {
			all = append(all, pid)
		}
	}
	return all
}

// cleanUp ends the processes that a failed step has left.
func (d *demo) cleanUp() {
	for _, c := range d.clients {
		c.conn.Close()
	}
	for _, pid := range d.left() {
		syscall.Kill(pid, syscall.SIGKILL)
	}
}
