// What is to blame for a failed connect, and what follows from it.

package worker

import "syscall"

// failure is why a connect did not succeed.
type failure struct {
	what  string // the step that failed; empty is connect
	errno syscall.Errno
	peer  bool // the target is marked failed, see fault
}

// fault says what is to blame for a failed connect. It decides what becomes of the
// client and of the target:
//
//	           target marked failed   client               session put down to
//	ofTarget   yes                    next target          target, proxy
//	unfit      yes                    next target          error
//	shortage   no                     waits, tries again   limit
//	forbidden  no                     next target          error
//	misuse     no                     next target          error
type fault uint8

const (
	ofTarget  fault = iota // nothing answers there, or there is no route to it
	unfit                  // this host can never reach such an address, or must not
	shortage               // of this host's descriptors, memory or ports: over in a moment
	forbidden              // this host's rules forbid it: a firewall, a sandbox
	misuse                 // a step before the connect failed: source address, interface
)

// faultOf judges a step's error (connect(2), socket(2), bind(2), epoll_ctl(2)); for the
// connect itself, the step has no name.
func faultOf(what string, errno syscall.Errno) fault {
	switch errno {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EAGAIN, syscall.ENOSPC:
		return shortage
	case syscall.EACCES, syscall.EPERM:
		return forbidden
	case syscall.EADDRNOTAVAIL, syscall.EADDRINUSE: // no port is left; of a bind, no such address
		if what == "" {
			return shortage
		}
	case syscall.EAFNOSUPPORT, syscall.EPROTONOSUPPORT, syscall.EINVAL, syscall.ELOOP:
		if what == "" || what == "socket" {
			return unfit
		}
	}
	if what != "" {
		return misuse
	}
	return ofTarget // ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN and other network errors
}

// failed is a step that has failed with an error.
func failed(what string, errno syscall.Errno) failure {
	return failure{what: what, errno: errno, peer: marks(what, errno)}
}

// marks reports whether the target is marked failed.
func marks(what string, errno syscall.Errno) bool {
	f := faultOf(what, errno)
	return errno != 0 && (f == ofTarget || f == unfit)
}

// portless reports whether an error only means that no local port is left, of which
// another target may still have some.
func portless(what string, errno syscall.Errno) bool {
	return what == "" && (errno == syscall.EADDRNOTAVAIL || errno == syscall.EADDRINUSE)
}
