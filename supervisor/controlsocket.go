// The life of the control socket in a master: it is claimed at the start, handed
// over in upgrades, served, and removed at the end.

package supervisor

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/control"
	"daemon/plug/supervisor/handover"
)

// controls is a master's control socket. Its clients are answered while this
// process is the plug's master, from serve or commit on.
type controls struct {
	socket *control.Socket // nil with --control none
	server *control.Server // nil before the first client can be answered
	fresh  bool            // the socket is prepared, and gets its name at the commit
	owned  bool            // this master has to remove its name

	looking atomic.Bool // a goroutine is checking whether the file still exists
	said    string      // why it could not be made again, as logged
}

// lastWords is how long a master that ends waits until clients have read their
// answers.
const lastWords = 500 * time.Millisecond

// controlled reports whether this master has a control socket.
func (m *master) controlled() bool { return m.cfg.Control != "" }

// claimControl makes the control socket of a plug that starts.
func (m *master) claimControl() (err error) {
	if !m.controlled() {
		return nil
	}
	m.control.socket, err = m.makeControl(control.Claim)
	m.control.owned = err == nil
	return m.withoutControl(err)
}

// makeControl makes the control socket, and waits a limited time for its disk. If
// the socket is made later than that, it is removed: this master does not listen
// on it.
func (m *master) makeControl(make func(path string, gid int) (*control.Socket, error)) (*control.Socket, error) {
	return withinOr(claimPatience, "control socket "+m.cfg.Control,
		func() (*control.Socket, error) { return m.makeSocket(make) },
		func(s *control.Socket, err error) {
			if err == nil {
				s.Remove()
			}
		})
}

// makeSocket makes the control socket and, if allowed, its directory (any
// goroutine).
func (m *master) makeSocket(make func(path string, gid int) (*control.Socket, error)) (*control.Socket, error) {
	if err := m.makeControlDir(); err != nil {
		return nil, err
	}
	return make(m.cfg.Control, m.controlGroup())
}

// makeControlDir makes the directory of a control socket that has its default
// path.
func (m *master) makeControlDir() error {
	if !m.cfg.ControlDefault {
		return nil
	}
	mode := fs.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o755
	}
	return control.MakeDir(filepath.Dir(m.cfg.Control), mode)
}

// withoutControl lets a plug run without its default control socket, if that
// cannot be made.
func (m *master) withoutControl(err error) error {
	if err == nil || !m.cfg.ControlDefault {
		return err
	}
	m.log.Warn("no control socket: plugctl cannot reach this plug; choose another path with --control, or use --control none", "error", err)
	cfg := *m.cfg // the checked configuration does not change
	cfg.Control, cfg.ControlDefault = "", false
	m.cfg = &cfg
	return nil
}

func (m *master) controlGroup() int {
	if g := m.cfg.ControlGroup; g != nil {
		return int(g.GID)
	}
	return -1
}

// continueControl takes over the old master's control socket, or prepares one if
// the old master had none.
func (m *master) continueControl(o *handover.ControlRecord, fd int) (err error) {
	switch {
	case o != nil && m.controlled() && o.Path == m.cfg.Control:
		m.control.socket = &control.Socket{Path: o.Path, FD: fd, ID: control.Inode(o.ID)}
		return nil
	case o != nil:
		unix.Close(fd)
	}
	if !m.controlled() {
		return nil
	}
	m.control.socket, err = m.makeControl(control.Prepare)
	m.control.fresh = err == nil
	return m.withoutControl(err)
}

// serveControl answers clients from now on.
func (m *master) serveControl() {
	c := &m.control
	if c.socket == nil {
		return
	}
	if c.fresh {
		if err := publish(c.socket); err != nil {
			m.log.Error("control", "error", err)
			c.socket, c.fresh = nil, false // keepControl makes another one
			return
		}
	}
	l, err := c.socket.Listener()
	if err != nil {
		m.log.Error("control socket "+c.socket.Path, "error", err)
		return
	}
	c.owned, c.fresh = true, false
	c.server = &control.Server{Admit: m.mayControl, Answer: m.answer}
	c.server.Serve(l)
}

// publish gives a prepared socket its name, and waits a limited time for its disk.
// If that fails, the socket is removed as soon as the disk answers.
func publish(s *control.Socket) error {
	_, err := withinOr(removePatience, "control socket "+s.Path, nothing(func() error {
		err := s.Publish()
		if err != nil {
			s.Remove()
		}
		return err
	}), func(struct{}, error) { s.Remove() })
	return err
}

// mayControl reports whether a peer may send requests.
func (m *master) mayControl(p control.Peer) error {
	own, group := uint32(os.Geteuid()), m.cfg.ControlGroup
	if p.UID == 0 || p.UID == own || group != nil && p.Member(group.GID) {
		return nil
	}
	who := "root"
	if own != 0 {
		who = fmt.Sprintf("root and user %d", own)
	}
	if group != nil {
		who += " and members of group " + group.Name
	}
	return fmt.Errorf("user %d may not control this plug; only %s may", p.UID, who)
}

// removeControl removes the socket's name, if it belongs to this master.
func (m *master) removeControl() {
	c := &m.control
	if c.socket == nil {
		return
	}
	if c.owned || c.fresh {
		m.removeSocket(c.socket)
	} else {
		c.socket.Close()
	}
	c.socket = nil
}

// removeSocket removes a socket's name, and waits a limited time for its disk.
func (m *master) removeSocket(s *control.Socket) {
	if _, err := within(removePatience, "control socket "+s.Path, nothing(s.Remove)); err != nil {
		m.log.Error("control", "error", err)
	}
}

// leaveControl closes the control socket of a master that has been replaced; the
// file belongs to the new master.
func (m *master) leaveControl() {
	if m.control.server != nil {
		m.control.server.Deafen()
	}
	if m.control.socket != nil {
		m.control.socket.Close()
		m.control.socket = nil
	}
}

// closeControl waits until the answers in progress have been sent.
func (m *master) closeControl() {
	if m.control.server != nil {
		m.control.server.Close(lastWords)
	}
}
