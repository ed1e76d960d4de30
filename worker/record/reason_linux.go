// The texts of common errors on Linux, without an allocation.

package record

import "syscall"

// common returns the text of an error that sockets give, or "". It is for
// Linux only: the wording of C libraries differs, e.g. for ETIMEDOUT.
func common(errno syscall.Errno) string {
	switch errno {
	case syscall.ECONNREFUSED:
		return "Connection refused"
	case syscall.ETIMEDOUT:
		return "Connection timed out"
	case syscall.EHOSTUNREACH:
		return "No route to host"
	case syscall.EHOSTDOWN:
		return "Host is down"
	case syscall.ENETUNREACH:
		return "Network is unreachable"
	case syscall.ENETDOWN:
		return "Network is down"
	case syscall.ECONNRESET:
		return "Connection reset by peer"
	case syscall.ECONNABORTED:
		return "Software caused connection abort"
	case syscall.EPIPE:
		return "Broken pipe"
	case syscall.EPROTO:
		return "Protocol error"
	case syscall.ENOTCONN:
		return "Transport endpoint is not connected"
	case syscall.EADDRNOTAVAIL:
		return "Cannot assign requested address"
	case syscall.EADDRINUSE:
		return "Address already in use"
	case syscall.EAFNOSUPPORT:
		return "Address family not supported by protocol"
	case syscall.EACCES:
		return "Permission denied"
	case syscall.EPERM:
		return "Operation not permitted"
	case syscall.EINVAL:
		return "Invalid argument"
	case syscall.EAGAIN:
		return "Resource temporarily unavailable"
	case syscall.EMFILE:
		return "Too many open files"
	case syscall.ENFILE:
		return "Too many open files in system"
	case syscall.ENOBUFS:
		return "No buffer space available"
	case syscall.ENOMEM:
		return "Cannot allocate memory"
	}
	return ""
}
