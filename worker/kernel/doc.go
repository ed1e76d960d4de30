// Package kernel is what a worker asks of the system: raw system calls, epoll, io_uring,
// timers, signals' actions and scheduling classes. It knows nothing of sessions.
//
// On Linux the calls are raw: they don't tell Go's scheduler, which would cost more than
// most of them do. What they are given lies on the heap or in mapped memory, or on the
// stack where the kernel only looks at it and can't wait, and pointers become numbers in
// the very call, so nothing moves under the kernel. Only what can't block, or has nobody
// to wait for it, may be called so. Every call repeats itself after EINTR where the
// kernel can return that, and returns a syscall.Errno.
//
// Accept, Connect, Bind, SocketError, QueueOf and a Poller's Add and Remove share scratch
// memory: one thread of a process calls them. Only the event loop does.
//
// package syscall has no names for some numbers (linux/eventpoll.h, fcntl.h, in.h, and so
// on), which are spelled out here. golang.org/x/sys/unix, which has them, is initialised
// later than a worker starts (see package early): only the portable build imports it.
package kernel
