// A process's short name (comm) on Linux.

package title

import (
	"syscall"
	"unsafe"
)

// maxComm is the kernel's TASK_COMM_LEN without its NUL.
const maxComm = 15

// Comm names the calling thread, cut to 15 bytes; a process is known by its
// first thread's name (ps -o comm, pgrep). So call it from an init function,
// or from main if an init function has locked the main thread. Later threads
// inherit the name of the thread that starts them.
func Comm(name string) {
	var buffer [maxComm + 1]byte
	copy(buffer[:maxComm], name)
	// prctl(2) fails only for a bad address.
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_NAME, uintptr(unsafe.Pointer(&buffer)), 0)
}

// CommAny names the process from any of its threads. It writes
// /proc/self/comm, and fails without /proc.
func CommAny(name string) error {
	if len(name) > maxComm {
		name = name[:maxComm]
	}
	fd, err := syscall.Open("/proc/self/comm", syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_, err = syscall.Write(fd, []byte(name))
	syscall.Close(fd)
	return err
}
