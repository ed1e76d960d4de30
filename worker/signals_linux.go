//go:build linux && !portable

package worker

import (
	"syscall"
	"unsafe"
)

// fromTerminals are the signals that a terminal sends to a process group, and to
// a background process that uses it: they are the master's business. SIGPIPE is
// one for a write to a peer that has gone, which is answered by its error.
var fromTerminals = [...]syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGPIPE}

// deadly are the signals that end a worker as TERM does: the master writes its
// lines. Go's runtime would dump its goroutines instead and exit with 2, which
// is the status of a session without a target.
var deadly = [...]syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT}

// action is a signal's action as the kernel has it (rt_sigaction(2)).
type action [8]uintptr

const (
	signalDefault = 0 // SIG_DFL
	signalIgnore  = 1 // SIG_IGN
	handlerWord   = 0 // of an action: where its handler is
	signalSet     = 8 // bytes of a set of signals
)

// takeSignals sets the actions of a worker's signals behind the runtime's back,
// since os/signal would cost threads and memory, and returns the runtime's own of
// the deadly ones.
func takeSignals() (ofRuntime [len(deadly)]action) {
	for _, s := range fromTerminals {
		setAction(s, &action{handlerWord: signalIgnore}, nil)
	}
	old := new([len(deadly)]action)
	for i, s := range deadly {
		setAction(s, &action{handlerWord: signalDefault}, &old[i])
	}
	return *old
}

func setAction(s syscall.Signal, to, old *action) {
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(to)), uintptr(unsafe.Pointer(old)), signalSet, 0, 0)
}
