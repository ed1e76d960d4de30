//go:build linux && !portable

// Tags of the epoll set: which session, listener or other source an event belongs to.

package worker

import (
	"syscall"

	"daemon/plug/worker/kernel"
)

// The kinds of tag. For sessions and listeners, the index is that of the row or the
// listener; the epoch is the row's.
const (
	onLifeline kernel.TagKind = iota
	onListener
	onClient
	onTarget
	onTerm
	onAlarm
)

// peerEvents are the events that a session's sockets are watched for. EPOLLPRI reports an
// urgent mark.
const peerEvents = syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLPRI | syscall.EPOLLRDHUP | kernel.Edge
