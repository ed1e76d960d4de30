//go:build linux && !portable

package worker

import (
	"bytes"
	"syscall"
	"unsafe"
)

const (
	schedOther = 0 // SCHED_OTHER
	schedBatch = 3 // SCHED_BATCH (sched(7))
)

// rarelyInterrupts asks for SCHED_BATCH: a thread that is woken does not
// interrupt who is running, so more events come together until it runs, and a
// worker of many sessions serves them with fewer switches. The nice value counts
// as before. A class that an admin has chosen stays, and so does the usual one
// where the scheduler would make a batch thread wait for whole periods of others.
func rarelyInterrupts() {
	class, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_GETSCHEDULER, 0, 0, 0)
	if errno != 0 || class != schedOther || !hasDeadlines(kernelRelease()) {
		return
	}
	priority := new(int32)
	syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, 0, schedBatch, uintptr(unsafe.Pointer(priority)))
}

// hasDeadlines tells whether a kernel's scheduler gives every thread its turn by
// a virtual deadline (EEVDF, Linux 6.6).
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
	const field = 65 // bytes of each, with the zero at its end
	names := new([6][field]byte)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_UNAME, uintptr(unsafe.Pointer(names)), 0, 0); errno != 0 {
		return nil
	}
	release, _, _ := bytes.Cut(names[2][:], []byte{0})
	return release
}
