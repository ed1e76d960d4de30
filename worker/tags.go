//go:build linux && !portable

// Whom an event of the epoll set concerns.

package worker

import (
	"syscall"

	"daemon/plug/worker/kernel"
)

// The kinds of tag. The index is of the row or the listener, the epoch of the row.
const (
	onLifeline kernel.TagKind = iota
	onListener
	onClient
	onTarget
	onTerm
	onAlarm
)

// peerEvents are what a session's sockets are watched for. EPOLLPRI is an urgent mark.
const peerEvents = syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLPRI | syscall.EPOLLRDHUP | kernel.Edge
