// Signal actions, set without the Go runtime's knowledge (rt_sigaction(2)).

package kernel

import (
	"syscall"
	"unsafe"
)

// Action is a signal's action in the kernel's form: its handler comes first.
type Action [8]uintptr

// The actions without a handler.
var (
	DefaultAction = Action{0} // SIG_DFL
	IgnoreAction  = Action{1} // SIG_IGN
)

const signalSet = 8 // bytes of a set of signals

// SetAction sets a signal's action and stores the previous one in old, unless that is
// nil.
func SetAction(s syscall.Signal, to, old *Action) {
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(to)), uintptr(unsafe.Pointer(old)), signalSet, 0, 0)
}
