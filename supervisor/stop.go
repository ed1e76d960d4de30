// Signals to the master, and its end: TERM, QUIT and INT, each with its time
// limits for sessions and workers.

package supervisor

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
	"daemon/plug/supervisor/shepherd"
	"daemon/plug/worker/board"
)

// handled are the signals that a master handles.
var handled = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP,
	syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTTOU, syscall.SIGTTIN}

const (
	buryFor   = 200 * time.Millisecond // TERM: wait for lines of workers that are killed with the master; starts again after each of them
	buryMost  = 800 * time.Millisecond // TERM: limit for all of them
	endWithin = 2 * time.Second        // INT: time before KILL
)

// signal handles one signal.
func (m *master) signal(s os.Signal) {
	m.log.Debug("signal", "signal", s.String())
	if u := m.upgrades.current; u != nil && (u.committing || m.upgrades.frozen && changes(s)) { // it is decided very soon which process is the master
		u.heldSignals = shepherd.Keep(u.heldSignals, s)
		return
	}
	switch s {
	case syscall.SIGTERM:
		m.term()
	case syscall.SIGINT:
		m.endSessions()
	case syscall.SIGQUIT:
		m.drain()
	case syscall.SIGHUP:
		m.reload(false, func(act, error) {})
	case syscall.SIGUSR1:
		m.reopen(func(error, bool) {})
	case syscall.SIGUSR2:
		m.upgradeNow()
	case syscall.SIGTTOU:
		m.pause(true)
	case syscall.SIGTTIN:
		m.pause(false)
	}
}

// changes reports whether a signal changes state that may already have been sent
// to a new master.
func changes(s os.Signal) bool {
	return s == syscall.SIGTTOU || s == syscall.SIGTTIN || s == syscall.SIGHUP || s == syscall.SIGUSR1
}

// reopened is reopen with the result that an admin gets.
func (m *master) reopened(then func(act, error)) {
	var paths []string
	for _, p := range m.plugs {
		if p.sessionFile.named() {
			paths = append(paths, p.sessionFile.path)
		}
	}
	if len(paths) == 0 {
		then(act{said: "there is no session file to reopen"}, nil)
		return
	}
	m.reopen(func(err error, changed bool) {
		then(act{"reopened " + strings.Join(paths, ", "), changed}, err)
	})
}

// reopen opens the session files of all plugs again, as an admin has asked. changed
// reports whether a path names another file by now.
func (m *master) reopen(then func(err error, changed bool)) {
	var failed []error
	left, changed := len(m.plugs), false
	for _, p := range m.plugs {
		was := p.sessionFile.out.file
		p.reopen(true, func(err error) {
			failed = append(failed, err)
			changed = changed || p.sessionFile.out.file != was
			if left--; left == 0 {
				then(errors.Join(failed...), changed)
			}
		})
	}
}

// pause closes or opens the gates of all plugs.
func (m *master) pause(on bool) {
	for _, p := range m.plugs {
		p.pause(on)
	}
}

// pause closes or opens the gate; clients wait in the kernel's queue.
func (p *plug) pause(on bool) {
	if p.m.phase != running || p.paused == on {
		return
	}
	p.paused = on
	p.generation.board.State.Gate.Store(p.gate())
	p.tellGate()
	p.log.Info("accepting", "paused", on)
}

// gate returns the value that the current generation's gate should have.
func (p *plug) gate() uint32 {
	if p.paused {
		return board.GatePaused
	}
	return board.GateOpen
}

// freePort shuts the listeners down: workers that still hold them, even stopped
// ones, no longer prevent other processes from binding the port (shutdown(2)).
func (p *plug) freePort() {
	for _, l := range p.listeners {
		if l.source.Inherited == "" { // otherwise it belongs to the service manager, which continues to listen on it
			unix.Shutdown(l.fd, unix.SHUT_RD)
		}
	}
}

// stop begins the end: from here on, no client is accepted and no worker started.
func (m *master) stop(deadline time.Time) {
	if m.upgrades.current != nil {
		m.upgrades.current.end(errors.New("the plug was told to stop"))
		m.upgrades.current = nil
		m.thaw()
	}
	m.upgrades.launcher.Stop()
	uncommitted := m.phase == opening || m.phase == adopting
	m.phase, m.shutdown.deadline = stopping, deadline
	m.tellStopping(time.Now())
	if r := m.reloads.current; r != nil {
		r.fail(errors.New("the plug was told to stop"))
	}
	for p := range m.all() {
		p.sendDrains(len(p.drainQueue))
		p.generation.board.State.Gate.Store(board.GateDraining)
		if m.upgrades.takeover == nil || !uncommitted { // until the commit, the port belongs to the old master
			p.freePort()
		}
	}
	for _, c := range m.roster {
		if c.state != gone {
			m.apply(c, toldDrain)
		}
	}
}

// terminate ends the plug as in 2.5: the port is free, and sessions continue
// without a master.
func (m *master) terminate() {
	now := time.Now()
	m.stop(now.Add(buryFor))
	m.shutdown.draining, m.shutdown.buryUntil = false, now.Add(buryMost)
	m.removePidfile()
	m.removeControl()
}

// killedNow notes that a session was killed with its worker. After TERM more are
// likely to follow: kill $(cat pidfile) takes a while if it lists many processes.
func (m *master) killedNow(now time.Time) {
	if m.phase != stopping || m.shutdown.draining || m.shutdown.ending {
		return
	}
	if until := now.Add(buryFor); until.Before(m.shutdown.buryUntil) {
		m.shutdown.deadline = until
	} else {
		m.shutdown.deadline = m.shutdown.buryUntil
	}
}

// drain waits for the sessions, as long as --drain-timeout allows.
func (m *master) drain() { m.drainFor(m.drainTimeout()) }

// drainTimeout returns the longest --drain-timeout of the plugs; 0 is no limit.
func (m *master) drainTimeout() (most time.Duration) {
	for _, p := range m.plugs {
		if p.cfg.DrainTimeout == 0 {
			return 0
		}
		most = max(most, p.cfg.DrainTimeout)
	}
	return most
}

// drainFor waits for the sessions; 0 is no limit. If two limits apply, the earlier
// one counts.
func (m *master) drainFor(most time.Duration) {
	deadline := time.Time{}
	if most > 0 {
		deadline = time.Now().Add(most)
	}
	if m.phase == stopping {
		if m.shutdown.draining && !deadline.IsZero() && (m.shutdown.deadline.IsZero() || deadline.Before(m.shutdown.deadline)) {
			m.shutdown.deadline = deadline
		}
		return
	}
	m.stop(deadline)
	m.shutdown.draining = true
}

// endSessions ends all sessions. The workers die of TERM, and the master writes
// their lines.
func (m *master) endSessions() {
	m.stop(time.Now().Add(m.endPatience()))
	if n := m.liveNow(); n > 0 && !m.shutdown.ending {
		m.notice("stop", "ending "+howMany(n, "session"))
	}
	m.shutdown.draining, m.shutdown.ending = false, true
	m.killAll(unix.SIGTERM)
}

// liveNow returns the number of live sessions, from their rows.
func (m *master) liveNow() (n int) {
	for p := range m.all() {
		live, _ := p.live()
		n += live.sessions
	}
	return n
}

func (m *master) killAll(s unix.Signal) {
	for _, c := range m.roster {
		if c.state != gone && c.pid != 0 {
			host.Signal(c.pid, c.pidfd, s)
		}
	}
}

// done reports whether the loop has nothing left to do. While it stops, it waits
// for deaths: after TERM only for a short time, after QUIT for all, after INT with
// KILL.
func (m *master) done() bool {
	if m.phase != stopping {
		return false
	}
	if m.upgrades.replacedBy != 0 {
		return true
	}
	alive := len(m.roster) - len(m.dead)
	late := !m.shutdown.deadline.IsZero() && !time.Now().Before(m.shutdown.deadline)
	switch {
	case alive == 0:
		return true
	case !late:
		return false
	case m.shutdown.draining:
		m.shutdown.overdue = true
		m.endSessions()
		return false
	case m.shutdown.ending:
		m.killAll(unix.SIGKILL)
		m.shutdown.deadline = time.Now().Add(m.endPatience())
		m.shutdown.kills++
		return m.shutdown.kills > 2
	}
	return true
}

// failStart gives up before the plug has served, and leaves nothing behind.
func (m *master) failStart(err error) {
	if m.startup.err == nil {
		m.startup.err = err
		m.endSessions()
	}
}
