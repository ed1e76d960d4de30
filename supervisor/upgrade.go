// The old master's side of an upgrade: it starts the new master, freezes, sends
// its state, and commits or continues to serve.

package supervisor

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/handover"
	"daemon/plug/supervisor/host"
)

// upgrade is the old master's side of a handover (USR2). It talks to the new
// master in a goroutine, and uses the master's state only through the loop.
//
// Until the commit any failure leaves this master as it was.
type upgrade struct {
	m       *master
	wire    handover.Wire
	started chan error // the new process is ready, or the reason why not
	begun   time.Time
	frozen  time.Time
	next    int // PID of the new master, once it has taken over

	committing  bool        // the new master is told to take over (loop)
	heldSignals []os.Signal // for the process that is the master once this is decided (loop)

	build string // its version

	over chan struct{} // closed when err is known
	err  error         // why it failed
}

// errCalledOff ends an upgrade of a master that was told to stop.
var errCalledOff = errors.New("stopped during the upgrade")

// do runs call in the loop, unless the master has been told to stop.
func (u *upgrade) do(call func()) error {
	err := errCalledOff
	u.m.do(func() {
		if u.m.upgrades.current == u {
			err = nil
			call()
		}
	})
	return err
}

// end records the result; those who wait for over then read err.
func (u *upgrade) end(err error) {
	select {
	case <-u.over:
	default:
		u.err = err
		close(u.over)
	}
}

// upgradeNow starts the program that is now at this one's path. The result is
// known when the upgrade is over.
func (m *master) upgradeNow() (*upgrade, error) {
	var refused error
	switch {
	case m.phase != running:
		refused = errors.New("the plug is not serving")
	case m.reloads.current != nil:
		refused = errors.New("a reload is in progress")
	case m.upgrades.current != nil:
		refused = errors.New("an upgrade is already in progress")
	}
	if refused != nil {
		m.log.Warn("upgrade refused", "reason", refused)
		return nil, fmt.Errorf("upgrade refused: %w", refused)
	}
	var pair [2]int
	if err := host.Socketpair(&pair); err != nil {
		err = fmt.Errorf("handover socket: %s", host.WithLimits(err))
		m.upgradeFailed(err)
		return nil, err
	}
	for _, fd := range pair { // both masters use their ends with deadlines of their own
		unix.SetNonblock(fd, false)
	}
	u := &upgrade{m: m, wire: handover.Wire{FD: pair[0]}, started: make(chan error, 1), begun: time.Now(), over: make(chan struct{})}
	m.upgrades.current = u
	m.log.Info("upgrade started", "program", os.Args[0])
	m.starter.Tell("upgrading", "")
	go func() {
		err := m.upgrades.launcher.Start(pair[1])
		unix.Close(pair[1])
		u.started <- err
		if err != nil {
			unix.Shutdown(pair[0], unix.SHUT_RDWR) // no process will answer
		}
	}()
	go func() {
		err := u.converse()
		m.do(func() { m.upgradeEnded(u, err) })
	}()
	return u, nil
}

// converse leads the handover up to the commit; nil means success.
func (u *upgrade) converse() (err error) {
	child := 0
	defer func() {
		if err != nil {
			u.wire.Abort(err.Error())
			if early := u.cause(err); early != nil {
				err = early
			} else {
				u.endChild(child)
			}
			u.m.upgrades.launcher.Undone()
		}
		u.wire.Close()
	}()
	hello, err := u.greet()
	if err != nil {
		return err
	}
	child = hello.PID
	var offer []messageWithFDs
	u.build = hello.Version
	if err = u.do(func() { offer = u.m.offerMessages() }); err != nil {
		return err
	}
	if err = u.send(offer); err != nil {
		return err
	}
	if _, _, err = u.wire.Expect(handover.KindFreeze, handover.ReadyWithin); err != nil {
		return err
	}
	if err = u.sendState(); err != nil {
		return err
	}
	if _, _, err = u.wire.Expect(handover.KindVerified, handover.AnswerWithin); err != nil {
		return err
	}
	if err = u.awaitReady(); err != nil {
		return err
	}
	if err = u.do(func() { u.committing = true }); err != nil {
		return err
	}
	if err = u.wire.Send(&handover.Message{Kind: handover.KindCommit}); err != nil {
		return err
	}
	// A new master that does not answer is killed, and this one continues: two
	// masters would be worse.
	_, _, err = u.wire.Expect(handover.KindCommitted, handover.AnswerWithin)
	u.next = hello.PID
	return err
}

// awaitReady waits for the new process's Ready(). tableflip passes on only that it
// was called.
func (u *upgrade) awaitReady() error {
	select {
	case err := <-u.started:
		return err
	case <-time.After(handover.AnswerWithin):
		return errors.New("the new process verified the handover but was not ready")
	}
}

// greet waits for the new process's hello, or for its end.
func (u *upgrade) greet() (*handover.Message, error) {
	type answer struct {
		m   *handover.Message
		err error
	}
	got := make(chan answer, 1)
	go func() {
		m, err := u.wire.Greet(u.m.version, handover.ReadyWithin)
		got <- answer{m, err}
	}()
	select {
	case a := <-got:
		return a.m, a.err
	case err := <-u.started:
		u.started <- err
		if err != nil {
			if a := <-got; errors.Is(a.err, handover.ErrGaveUp) { // its own reason says more than its exit status
				return nil, a.err
			}
			return nil, err
		}
		select {
		case a := <-got:
			return a.m, a.err
		case <-time.After(handover.AnswerWithin):
			return nil, errors.New("the new process became ready without a handover")
		}
	}
}

// cause returns why the new process ended, if that is what broke the connection:
// this says more than a closed socket.
func (u *upgrade) cause(err error) error {
	if errors.Is(err, handover.ErrGaveUp) {
		u.awaitStart() // it exits very soon
		return nil
	}
	if !errors.Is(err, handover.ErrClosed) && !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.ECONNRESET) {
		return nil
	}
	select {
	case early := <-u.started:
		return early
	case <-time.After(handover.AnswerWithin):
		return nil
	}
}

// endChild kills a new master that is still running although the handover has
// failed, so that the next one can be tried at once. The PID that it has sent must
// be a child of this process, and no worker; otherwise endChild searches for it.
func (u *upgrade) endChild(pid int) {
	worker := false
	u.m.do(func() {
		for _, c := range u.m.roster {
			worker = worker || c.pid == pid
		}
	})
	if pid <= 1 || worker || host.ParentOf(pid) != os.Getpid() {
		pid = host.StrangeChild()
	}
	switch {
	case pid != 0:
		unix.Kill(pid, unix.SIGKILL)
	case len(u.started) == 0:
		u.m.upgrades.launcher.GiveUp()
	}
	u.awaitStart()
}

// awaitStart waits until the new process is ready or has ended.
func (u *upgrade) awaitStart() {
	select {
	case err := <-u.started:
		u.started <- err
	case <-time.After(handover.AnswerWithin):
	}
}

// upgradeEnded handles the result (loop).
func (m *master) upgradeEnded(u *upgrade, err error) {
	if m.upgrades.current != u {
		return // the upgrade was stopped meanwhile
	}
	m.upgrades.current = nil
	if err != nil {
		m.thaw()
		m.upgradeFailed(err)
		u.end(fmt.Errorf("upgrade failed; nothing has changed: %w", err))
		for _, s := range u.heldSignals {
			m.signal(s)
		}
		return
	}
	m.upgrades.pendingSignals = u.heldSignals
	m.log.Info("upgrade complete: the new master is serving", "after_ms", inMs(time.Since(u.begun)))
	m.phase, m.upgrades.replacedBy = stopping, u.next
	m.leaveControl()
	u.end(nil)
}

func (m *master) upgradeFailed(err error) {
	m.totals.Upgrades.Failed++
	m.log.Error("upgrade failed; nothing has changed", "program", os.Args[0], "reason", host.Reason(err))
	m.starter.Tell("failed", "")
}
