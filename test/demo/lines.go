// Checking the session file.

package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// lineForm is a session line: the PID in brackets, then LISTEN PEER TARGET IN
// OUT USEC.
var lineForm = regexp.MustCompile(`^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] plug\[(\d+)\] (\S+) (\S+) (\S+) (\d+) (\d+) (\d+)$`)

// lines are the lines of the session file.
func (d *demo) lines() []string {
	b, err := os.ReadFile(d.sessionLog())
	if err != nil || len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

// checkLines finds each client's line and compares every field.
func (d *demo) checkLines(clients []*client) error {
	byPid := map[string][]string{}
	for _, line := range d.lines() {
		m := lineForm.FindStringSubmatch(line)
		if m == nil {
			return fmt.Errorf("this is no session line: %q", line)
		}
		byPid[m[1]] = append(byPid[m[1]], strings.Join(m[2:7], " "))
	}
	for _, c := range clients {
		want := fmt.Sprintf("%s 127.0.0.1 %s %d %d", d.listen, d.target.addr, c.sent, c.got)
		found := 0
		for _, got := range byPid[fmt.Sprint(c.pid)] { // a process may have carried other sessions, too
			if got == want {
				found++
			}
		}
		if found != 1 {
			return fmt.Errorf("the lines of PID %d say %q, its client %q", c.pid, byPid[fmt.Sprint(c.pid)], want)
		}
	}
	return claim(true, "PID, addresses and bytes in them are what the %d clients have counted", len(clients))
}
