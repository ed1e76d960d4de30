// Harness: the descriptors that a worker has.

package harness

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// fixedDescriptors are a waiting worker's descriptors with fixed numbers; {sessions} is
// the session file.
var fixedDescriptors = map[int]string{
	0: "/dev/null", 1: "/dev/null", 2: "/dev/null",
	3: "socket:",    // lifeline
	4: "pipe:",      // report pipe
	5: "/memfd:",    // assignment
	6: "/memfd:",    // state
	7: "{sessions}", // closed without -S
	8: "socket:",    // syslog
	9: "socket:",    // listener
}

// polls is the number of additional epoll sets of a worker, plus a timer, with
// any numbers: with one session at a time the listener has its own set.
var polls = map[string]int{"fork": 2, "prefork": 2, "pool": 1}

// Undue compares a worker's descriptors with the expected ones.
func Undue(p *Plug, w Process, session bool) (faults []string) {
	want := maps.Clone(fixedDescriptors)
	want[7] = p.Sessions
	if !session {
		delete(want, 7)
	}
	sets, alarms, has := 0, 0, Descriptors(w.PID)
	listener := has[9]
	for fd, is := range has {
		kind, fixed := want[fd]
		switch {
		case fixed && strings.HasPrefix(is, kind):
			delete(want, fd)
		case is == "anon_inode:[eventpoll]":
			sets++
		case is == "anon_inode:[timerfd]":
			alarms++
		case IsPortable() && (is == "anon_inode:[eventfd]" || is == listener): // Go's poller, and what it polls
		default:
			faults = append(faults, fmt.Sprintf("%d of %d is %s", fd, w.PID, is))
		}
	}
	for fd, kind := range want {
		faults = append(faults, fmt.Sprintf("%d is no %s", fd, kind))
	}
	if sets != polls[p.Mode] && !(IsPortable() && sets == 1) {
		faults = append(faults, fmt.Sprintf("it has %d epoll sets", sets))
	}
	if alarms != 1 && !IsPortable() {
		faults = append(faults, fmt.Sprintf("it has %d timers", alarms))
	}
	slices.Sort(faults)
	return faults
}
