package worker

// The system calls on sockets, which package syscall makes through another one
// here (asm/unistd_32.h, Linux 4.3).
const (
	sysSocket     = 359
	sysBind       = 361
	sysConnect    = 362
	sysAccept4    = 364
	sysGetsockopt = 365
	sysSetsockopt = 366
	sysSendto     = 369
	sysRecvfrom   = 371
	sysShutdown   = 373
)
