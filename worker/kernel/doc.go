// Package kernel is what a worker asks of the system: raw system calls, epoll, io_uring,
// timers, signal actions and scheduling classes. It knows nothing of sessions.
//
// On Linux the calls are raw: they don't tell Go's scheduler, which would cost more than
// most of the calls do. Their arguments are on the heap, in package variables or in mapped
// memory, or on the stack if the call can't wait, and pointers are converted to numbers in
// the call itself, so that nothing moves while the kernel uses it. A call may be made this
// way only if it can't block, or if no goroutine would have to wait for it. Every call
// repeats itself after EINTR where the kernel can return that, and returns a
// syscall.Errno.
//
// Accept, Connect, SocketError and a Poller's Add and Remove share scratch memory, so only
// one thread of a process may call them: that of the event loop.
//
// package syscall has no names for some numbers (linux/eventpoll.h, fcntl.h, in.h, and so
// on), which are spelled out here. golang.org/x/sys/unix, which has them, is initialised
// later than a worker starts (see package early): only the portable build imports it.
package kernel
