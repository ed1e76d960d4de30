// The scheduling class of a thread that serves several sessions (sched(7)).

package kernel

import (
	"bytes"
	"syscall"
	"unsafe"
)

const (
	schedOther = 0 // SCHED_OTHER
	schedBatch = 3 // SCHED_BATCH (sched(7))
)

// SchedClass is a worker's scheduling class. With several sessions a pool worker is in
// SCHED_BATCH: a thread that is woken does not preempt the running task, so more events
// arrive before it runs, and it serves them with fewer switches. The nice value has the
// same effect as before. A single session would gain nothing and wait longer. A class
// that an admin has chosen stays, and so does the normal one where the scheduler would
// make a batch thread wait for whole time slices of other threads.
type SchedClass struct {
	own bool    // the worker may choose
	now uintptr // what it has chosen
}

// Find determines the class that a pool worker was started in.
func (c *SchedClass) Find() {
	c.own = schedulingClass() == schedOther && HasDeadlines()
}

// Suit chooses the class for a number of sessions, unless somebody else has changed it
// since.
func (c *SchedClass) Suit(live int) {
	wanted := uintptr(schedOther)
	if live > 1 {
		wanted = schedBatch
	}
	if !c.own || c.now == wanted {
		return
	}
	if c.own = schedulingClass() == c.now; !c.own {
		return
	}
	syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, 0, wanted, uintptr(unsafe.Pointer(&noPriority)))
	c.now = wanted
}

// schedulingClass is this thread's class (sched_getscheduler(2)); after an error it is no
// valid class.
func schedulingClass() uintptr {
	class, _, _ := syscall.RawSyscall(syscall.SYS_SCHED_GETSCHEDULER, 0, 0, 0)
	return class
}

// noPriority is struct sched_param with the value that these classes require.
var noPriority int32

// HasDeadlines reports whether the running kernel has such a scheduler, see hasDeadlines.
func HasDeadlines() bool { return hasDeadlines(kernelRelease()) }

// hasDeadlines reports whether a kernel's scheduler picks threads by a virtual deadline
// (EEVDF, Linux 6.6).
func hasDeadlines(release []byte) bool {
	number := func() (n int) {
		for len(release) > 0 && '0' <= release[0] && release[0] <= '9' {
			n = n*10 + int(release[0]-'0')
			release = release[1:]
		}
		return n
	}
	major := number()
	release = bytes.TrimPrefix(release, []byte("."))
	return major > 6 || major == 6 && number() >= 6
}

// kernelRelease is the running kernel's version, like 6.1.0-18-amd64 (uname(2)).
func kernelRelease() []byte {
	const field = 65 // bytes of each, including the final zero
	names := new([6][field]byte)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_UNAME, uintptr(unsafe.Pointer(names)), 0, 0); errno != 0 {
		return nil
	}
	release, _, _ := bytes.Cut(names[2][:], []byte{0})
	return release
}
