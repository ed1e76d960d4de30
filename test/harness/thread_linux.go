// Harness: a thread with another user's rights.

package harness

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// SetThread makes the calling thread another user: the raw calls change only
// one thread (setresuid(2), C library/kernel differences).
func SetThread(groups []uint32, gid, uid int) error {
	var at unsafe.Pointer
	if len(groups) > 0 {
		at = unsafe.Pointer(&groups[0])
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETGROUPS, uintptr(len(groups)), uintptr(at), 0); errno != 0 {
		return errno
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid)); errno != 0 {
		return errno
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
		return errno
	}
	return nil
}

// Stranger is a user without other processes here: all its tasks belong to one
// plug.
func Stranger(mode string) string {
	uid := map[string]int{"fork": 54321, "prefork": 54322, "pool": 54323}[mode] + 10*(os.Getpid()%1000)
	return fmt.Sprintf("%d:%d", uid, uid)
}
