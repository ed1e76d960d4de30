// Starting a new master for an upgrade, with tableflip or without it, and the new
// master's side of that start.

package handover

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cloudflare/tableflip"
	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/host"
)

// Launcher starts a new master with tableflip and decides whether it became ready.
// In the new master, it is the other side of the same start.
//
// tableflip works for one success in a process's life, and only while the
// directory exists in which the process was started. A master that needs another
// attempt after that starts the new one without tableflip, in the same way.
type Launcher struct {
	flip  *tableflip.Upgrader // nil if tableflip is not available
	spent atomic.Bool         // it has succeeded once, or had to be stopped
	where string              // the directory of the start
	plain bool                // this process was started without tableflip

	started atomic.Int64 // PID of a new master that was started without tableflip; 0 if there is none
}

// RoleSuccessor is the role of a process that was started as the new master.
const RoleSuccessor = "successor"

const (
	roleVariable  = "PLUG_ROLE"
	handoverName  = "handover"
	plainHandover = 3 // descriptors of a new master that was started without tableflip
	plainReady    = 4

	sentinel = "TABLEFLIP_HAS_PARENT_7DIU3"
)

// NewLauncher must run before this process opens other files: in a new master,
// tableflip finds its descriptors by their numbers.
func NewLauncher(isSuccessor bool) *Launcher {
	s := &Launcher{plain: isSuccessor && os.Getenv(sentinel) == ""}
	s.where, _ = os.Getwd()
	if flip, err := tableflip.New(tableflip.Options{UpgradeTimeout: ReadyWithin}); err == nil {
		s.flip = flip
	}
	os.Unsetenv(sentinel)
	return s
}

// Handover returns the new master's end of the handover socket.
func (s *Launcher) Handover() (Wire, error) {
	if s.plain {
		unix.CloseOnExec(plainHandover)
		unix.CloseOnExec(plainReady)
		return Wire{FD: plainHandover}, nil
	}
	if s.flip == nil {
		return Wire{}, errors.New("tableflip is not available")
	}
	f, err := s.flip.Fds.File(handoverName)
	if err != nil || f == nil {
		return Wire{}, fmt.Errorf("no handover socket: %v", err)
	}
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return Wire{}, err
	}
	unix.SetNonblock(fd, false)
	return Wire{FD: fd}, nil
}

// Ready tells the old master that this one is ready. If there is no old one, it
// makes upgrades of this one possible.
func (s *Launcher) Ready() error {
	if s.flip != nil {
		if err := s.flip.Ready(); err != nil {
			return err
		}
	}
	if s.plain {
		s.plain = false
		_, err := unix.Write(plainReady, []byte{1})
		unix.Close(plainReady)
		return err
	}
	return nil
}

// Stop ends an upgrade that is in progress, and prevents further ones.
func (s *Launcher) Stop() {
	if s.flip != nil {
		s.spent.Store(true)
		s.flip.Stop()
	}
}

// GiveUp ends the new master that Start waits for. If tableflip has started it,
// tableflip cannot be used any more.
func (s *Launcher) GiveUp() {
	if pid := int(s.started.Load()); pid != 0 {
		unix.Kill(pid, unix.SIGKILL)
		return
	}
	s.Stop()
}

// Start starts the program at this process's path with one end of the handover
// socket, and waits until it is ready.
func (s *Launcher) Start(handover int) error {
	os.Setenv(roleVariable, RoleSuccessor)
	defer os.Unsetenv(roleVariable)
	if !s.usable() {
		return s.startPlain(handover)
	}
	fd, err := unix.FcntlInt(uintptr(handover), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), handoverName)
	err = s.flip.Fds.AddFile(handoverName, f)
	f.Close()
	if err != nil {
		return err
	}
	// After a success, tableflip closes it. Collecting the rest must not block
	// while the roster is frozen.
	defer func() {
		if err != nil {
			s.letGo()
		}
	}()
	// tableflip learns of the previous master's end with a short delay.
	ctx, cancel := context.WithTimeout(context.Background(), AnswerWithin)
	defer cancel()
	if err = s.flip.WaitForParent(ctx); err != nil {
		return err
	}
	if err = s.flip.Upgrade(); err == nil {
		s.spent.Store(true)
	}
	return err
}

// Undone cleans up after a new master that became ready but has not taken over.
func (s *Launcher) Undone() {
	if s.flip != nil && s.spent.Load() {
		s.letGo()
	}
}

// letGo makes tableflip release the new master's end of the handover socket.
// tableflip has no call for that, so another file takes its place, and the garbage
// collector closes the one that was replaced.
func (s *Launcher) letGo() {
	if null, err := os.Open(os.DevNull); err == nil {
		s.flip.Fds.AddFile(handoverName, null)
		null.Close()
	}
	runtime.GC()
	runtime.GC() // after the first collection, a stack may still refer to it
}

// usable reports whether tableflip can start another process.
func (s *Launcher) usable() bool {
	if s.flip == nil || s.spent.Load() {
		return false
	}
	var then, now os.FileInfo
	var err error
	if then, err = os.Stat(s.where); err != nil {
		return false
	}
	now, err = os.Stat(".")
	return err == nil && os.SameFile(then, now)
}

// startPlain does what tableflip would do.
func (s *Launcher) startPlain(handover int) error {
	path, err := exec.LookPath(os.Args[0])
	if err != nil {
		return fmt.Errorf("cannot start %s: %s", os.Args[0], host.Reason(err))
	}
	var ready [2]int
	// Close-on-exec from the start: a worker that is forked meanwhile would keep the
	// pipe open, and the end of a new master that fails would not be noticed.
	if err := host.Pipe(ready[:]); err != nil {
		return err
	}
	for _, fd := range ready {
		unix.SetNonblock(fd, false)
	}
	defer unix.Close(ready[0])
	pid, err := syscall.ForkExec(path, append([]string{path}, os.Args[1:]...), &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2, uintptr(handover), uintptr(ready[1])}})
	unix.Close(ready[1])
	if err != nil {
		return fmt.Errorf("fork/exec: %w", err)
	}
	s.started.Store(int64(pid))
	defer s.started.Store(0)
	ms := int(ReadyWithin / time.Millisecond)
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(ready[0]), Events: unix.POLLIN}}, ms)
	if n == 1 && err == nil {
		if n, _ = unix.Read(ready[0], make([]byte, 1)); n == 1 {
			go endOf(pid)
			return nil
		}
		return fmt.Errorf("pid=%d exited: %s", pid, endOf(pid))
	}
	unix.Kill(pid, unix.SIGKILL)
	endOf(pid)
	return fmt.Errorf("pid=%d timed out", pid)
}

// endOf reaps a process and returns how it ended.
func endOf(pid int) string {
	status, _ := host.Wait(pid)
	if status.Signaled() {
		return fmt.Sprintf("signal %d", status.Signal())
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}

// ReadyWithin is how long a new master may take to become ready.
const ReadyWithin = 10 * time.Second

// Refuse tells the old master why this process cannot replace it, if nothing has
// been sent yet.
func (s *Launcher) Refuse(reason string) {
	if w, err := s.Handover(); err == nil {
		w.Abort(reason)
		w.Close()
	}
}
