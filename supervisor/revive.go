// A listener that somebody else has shut down: it is made to listen again, or the
// plug ends with the reason.

package supervisor

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
)

const (
	reviveWithin = 4 * time.Second  // then the plug gives up
	reviveAgain  = 10 * time.Second // a listener that is shut down again and again is said no oftener
)

// revival is what the master knows of a listener that somebody else has shut down:
// an admin (ss -K), or the service manager or process that it came from. The
// socket is still bound, and workers hold it: when it listens again, they all have
// it back, with no new descriptor.
type revival struct {
	since time.Time // it was found shut down; zero is not
	said  time.Time
}

// checkListeners makes listeners that were shut down listen again.
func (m *master) checkListeners(now time.Time) {
	if m.phase != running || m.upgrades.frozen {
		return
	}
	for _, fd := range m.plug.listeners {
		if !listens(fd) {
			m.revive(fd, now)
		}
	}
}

func (m *master) revive(fd int, now time.Time) {
	r, label := &m.plug.revival, m.plug.cfg.Source.Label()
	if r.since.IsZero() {
		r.since = now
		if now.Sub(r.said) >= reviveAgain {
			r.said = now
			m.log.Error("listener shut down", "source", label, "reason", "another process shut it down; plug will listen again")
		}
	}
	err := listenAgain(fd, m.plug.cfg.Source.Port, m.backlog())
	switch {
	case err == nil:
		m.log.Info("listening again", "source", label, "after_ms", inMs(now.Sub(r.since)))
		r.since = time.Time{}
		m.tellGate()
	case now.Sub(r.since) >= reviveWithin:
		m.giveUp(fmt.Errorf("cannot listen again on %s, which another process shut down: %s%s", label, host.Reason(err), host.HeldBy(m.plug.cfg.Source.Port)))
	}
}

// listens reports whether a socket accepts connections. One that can't be asked
// is taken to.
func listens(fd int) bool {
	on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	return err != nil || on != 0
}

// listenAgain is listen(2) on a socket that has been shut down. It has its port
// still, unless the kernel had chosen that: then it gets another one, where no
// client would look.
func listenAgain(fd int, port uint16, backlog int) error {
	host.ForgetEnd(fd)
	if err := unix.Listen(fd, backlog); err != nil {
		return err
	}
	name, err := unix.Getsockname(fd)
	if err == nil && portOf(name) != port {
		unix.Shutdown(fd, unix.SHUT_RD)
		err = errors.New("the socket has lost its port")
	}
	return err
}

func portOf(name unix.Sockaddr) uint16 {
	switch at := name.(type) {
	case *unix.SockaddrInet4:
		return uint16(at.Port)
	case *unix.SockaddrInet6:
		return uint16(at.Port)
	}
	return 0
}

// backlog is the listener's: that of --backlog, or what the kernel allows at most.
func (m *master) backlog() int {
	if m.plug.cfg.Backlog == 0 {
		return unix.SOMAXCONN
	}
	return m.plug.cfg.Backlog
}

// giveUp ends a plug that can't serve any more. Its sessions live on, as after
// TERM; the exit status tells who started it.
func (m *master) giveUp(err error) {
	m.log.Error("the plug is stopping because it cannot serve", "reason", err.Error())
	m.shutdown.failure = err
	m.term()
}
