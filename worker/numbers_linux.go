//go:build !386

package worker

import "syscall"

const (
	sysSocket     = syscall.SYS_SOCKET
	sysBind       = syscall.SYS_BIND
	sysConnect    = syscall.SYS_CONNECT
	sysAccept4    = syscall.SYS_ACCEPT4
	sysGetsockopt = syscall.SYS_GETSOCKOPT
	sysSetsockopt = syscall.SYS_SETSOCKOPT
	sysSendto     = syscall.SYS_SENDTO
	sysRecvfrom   = syscall.SYS_RECVFROM
	sysShutdown   = syscall.SYS_SHUTDOWN
)
