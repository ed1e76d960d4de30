// The shepherd: it relays signals, reaps children, and knows which process is
// the
// master while one replaces another.

package shepherd

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// relayed are the signals that go to the master.
var relayed = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP,
	syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTTOU, syscall.SIGTTIN}

// Keep adds a signal to those that are kept for a process. The process gets
// them all at once, and then they have no order (signal(7)): of pauses and
// resumes only the last is kept.
func Keep(kept []os.Signal, s os.Signal) []os.Signal {
	pauses := func(s os.Signal) bool { return s == syscall.SIGTTOU || s == syscall.SIGTTIN }
	if pauses(s) {
		kept = slices.DeleteFunc(kept, pauses)
	}
	return append(kept, s)
}

// Run starts the master and stays: it relays signals, reaps the master's
// orphans, and returns the master's exit status. The sessions of a master that
// has ended continue without it.
func Run(listeners []Socket) int {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, relayed...)
	signal.Notify(signals, syscall.SIGCHLD)
	adoptOrphans()
	pid, starter, err := start(roleService, listeners, &syscall.SysProcAttr{Setpgid: true})
	if err != nil {
		signal.Ignore(syscall.SIGTTOU) // from the terminal to which it writes
		fmt.Fprintf(os.Stderr, "plug: %v\n", err)
		return 4
	}
	reader, err := newReader(starter)
	if err != nil {
		signal.Ignore(syscall.SIGTTOU)
		fmt.Fprintf(os.Stderr, "plug: starter socket: %v\n", err)
		unix.Kill(pid, unix.SIGKILL) // otherwise no process would relay signals to it
		return 4
	}
	h := &shepherd{master: pid, signals: signals, reader: reader, notifier: newNotifier()}
	status := h.keep()
	leave(signals)
	return status
}

// shepherd is the state of a shepherd: which process is the master, and which
// one is preparing to replace it.
type shepherd struct {
	master      int
	next        int         // is preparing to be the master; 0 is none
	former      int         // was the master until the present one reported that it is; 0 once it has ended
	lastStatus  *int        // the exit status of the last master, while another process may still become one
	exited      exited      // the last process that was preparing and has ended, or has reported its end
	ready       bool        // the master has its handlers
	heldSignals []os.Signal // until it has
	inDoubt     []os.Signal // relayed to the master while another process is preparing to replace it
	signals     <-chan os.Signal
	reader      *reader

	notifier *notifier
}

// statusLost is the service's status if its last master's exit status is
// unknown.
const statusLost = 4

// exited is a process that has ended, and its exit status.
type exited struct{ pid, status int }

// keep relays and reaps until there is no master any more.
func (h *shepherd) keep() int {
	for {
		select {
		case <-h.reader.there:
			h.listen()
		case s := <-h.signals:
			h.listen()
			// A master that has ended takes no signal, and its end may not
			// have been handled yet.
			if status, over := h.reap(); over {
				return status
			}
			if s != syscall.SIGCHLD {
				h.relay(s)
			}
		}
	}
}

// listen handles the messages that have arrived, and reports whether there
// were any.
func (h *shepherd) listen() (heard bool) {
	messages := h.reader.take()
	for _, m := range messages {
		h.hear(m)
	}
	return len(messages) > 0
}

// hear handles a message from a master.
func (h *shepherd) hear(m message) {
	h.notifier.hear(m)
	switch m.text {
	case served:
		h.ready = true
		h.release()
	case successor:
		h.next = m.pid
	case replaced:
		h.replace(m.pid)
	case ended:
		if status, err := strconv.Atoi(m.more); err == nil {
			h.exited = exited{m.pid, status}
		}
	case failed: // sent by the old master, which still serves
		h.master, h.former, h.next, h.lastStatus, h.inDoubt = m.pid, 0, 0, nil, nil
		h.release()
	}
}

// replace makes another process the master. Its message may come later than
// the news of its end; then the old master ends too, or reports that it still
// serves.
func (h *shepherd) replace(pid int) {
	if unix.Kill(pid, 0) == unix.ESRCH {
		status := h.statusOf(pid)
		h.lastStatus = &status
		return
	}
	h.former = h.master
	if h.lastStatus != nil {
		h.former = 0
	}
	h.master, h.next, h.lastStatus = pid, 0, nil
	// The old one was about to leave, and passes on only the signals that it
	// has seen. Getting a signal twice does no harm, except for USR2, which
	// the upgrade itself has answered.
	for _, s := range h.heldSignals {
		h.inDoubt = Keep(h.inDoubt, s)
	}
	h.heldSignals, h.inDoubt = h.inDoubt, nil
	h.release()
}

// statusOf is the exit status of a process that another process may have
// reaped.
func (h *shepherd) statusOf(pid int) int {
	if pid == h.exited.pid {
		return h.exited.status
	}
	return statusLost
}

// release sends the master the signals that were kept for it.
func (h *shepherd) release() {
	if !h.ready {
		return
	}
	for _, s := range h.heldSignals {
		unix.Kill(h.master, s.(syscall.Signal))
	}
	h.heldSignals = nil
}

// relay passes a signal on to the master. A signal that would kill a master
// that is not ready is kept until it is ready, and one that comes when the old
// master has ended is kept for its successor.
func (h *shepherd) relay(s os.Signal) {
	end := s == syscall.SIGTERM || s == syscall.SIGINT || s == syscall.SIGQUIT
	if h.lastStatus != nil || !h.ready && !end {
		h.heldSignals = Keep(h.heldSignals, s)
		return
	}
	if h.next != 0 && s != syscall.SIGUSR2 {
		h.inDoubt = Keep(h.inDoubt, s)
	}
	unix.Kill(h.master, s.(syscall.Signal))
}

// reap reaps all children that have ended. over is true if the master is among
// them and no process is about to replace it.
func (h *shepherd) reap() (status int, over bool) {
	for !over {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			break
		}
		status, over = h.ended(pid, result(ws))
	}
	return status, over
}

// ended handles the end of a child; if over is true, final is the service's
// status.
func (h *shepherd) ended(pid, status int) (final int, over bool) {
	switch {
	case pid == h.next && h.lastStatus != nil: // the successor of a dead master has failed
		return *h.lastStatus, true
	case pid == h.next:
		h.next, h.inDoubt, h.exited = 0, nil, exited{pid, status}
	case pid == h.former:
		h.former = 0
		if unix.Kill(h.master, 0) == unix.ESRCH { // it was the old master's child, which has reaped it
			h.listen()
			return h.statusOf(h.master), true
		}
	case pid != h.master:
	case h.lastStatus != nil: // it had handed over to a process that is dead
		return *h.lastStatus, true
	case h.former != 0: // it has not finished taking over: the old one ends too, or still serves
		h.master, h.former, h.lastStatus = h.former, 0, &status
	case h.next != 0 && unix.Kill(h.next, 0) == nil: // it will become the master, or end too
		h.lastStatus = &status
	case h.listen(): // there was another message before this end
		return h.ended(pid, status)
	default:
		return status, true
	}
	return 0, false
}
