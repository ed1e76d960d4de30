// System calls of the supervisor on Linux: descriptors, the accept queue, processes,
// terminals and file systems.

package host

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Socket makes a socket that is not blocking and close-on-exec.
func Socket(family, kind int) (int, error) {
	return unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
}

// Pipe makes a pipe whose ends are not blocking and close-on-exec.
func Pipe(fds []int) error { return unix.Pipe2(fds, unix.O_CLOEXEC|unix.O_NONBLOCK) }

// Socketpair makes a pair of stream sockets, not blocking and close-on-exec.
func Socketpair(fds *[2]int) (err error) {
	*fds, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	return err
}

// Replace makes one descriptor another one's file, at once for everybody who
// uses its number (dup3(2)).
func Replace(fd, at int) error { return unix.Dup3(fd, at, unix.O_CLOEXEC) }

// Queued is how many clients wait at a listener: TCP_INFO's tcpi_unacked of a
// listening socket is the length of its accept queue (tcp(7)).
func Queued(listener int) int {
	_, _, errno := syscall.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(listener), unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(tcpInfo)), uintptr(unsafe.Pointer(tcpInfoSize)), 0)
	if errno != 0 {
		return 0
	}
	return int(tcpInfo.Unacked)
}

// tcpInfo is what the loop asks a hundred times; it lies where it can't move.
var (
	tcpInfo     = new(unix.TCPInfo)
	tcpInfoSize = func() *uint32 { n := new(uint32); *n = uint32(unsafe.Sizeof(*tcpInfo)); return n }()
)

// ForgetEnd makes a listener that was shut down as if it had only been bound. What
// ss -K leaves on it, the end of both directions and an error, its connections
// would inherit (connect(2) with AF_UNSPEC).
func ForgetEnd(listener int) {
	unspecified := new(unix.RawSockaddr)
	syscall.RawSyscall(unix.SYS_CONNECT, uintptr(listener), uintptr(unsafe.Pointer(unspecified)), unix.SizeofSockaddrInet4)
	unix.GetsockoptInt(listener, unix.SOL_SOCKET, unix.SO_ERROR)
}

// HavePidfds reports that workers come with a pidfd.
const HavePidfds = true

// Signal signals a worker, and never a stranger with its PID.
func Signal(pid, pidfd int, s unix.Signal) { unix.PidfdSendSignal(pidfd, s, nil, 0) }

// ParentOf is a process's parent (proc_pid_stat(5)); 0 if there is no such
// process.
func ParentOf(pid int) int {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

// StrangeChild is a child of this process that calls itself neither what workers
// do nor, since it has not reached its own program yet, what this master does
// (proc_pid_cmdline(5)); 0 if there is none.
func StrangeChild() int {
	names, _ := os.ReadDir("/proc")
	for _, name := range names {
		pid, err := strconv.Atoi(name.Name())
		if err != nil || ParentOf(pid) != os.Getpid() {
			continue
		}
		line, err := os.ReadFile("/proc/" + name.Name() + "/cmdline")
		if err == nil && len(line) > 0 && !strings.HasPrefix(string(line), "plug: ") {
			return pid
		}
	}
	return 0
}

// CountsQueue reports that Queued counts, and does not only look.
const CountsQueue = true

// IsStopped reports whether a process is stopped, or gone (proc_pid_stat(5)).
func IsStopped(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	state := bytes.LastIndexByte(stat, ')') + 2
	return err != nil || state >= len(stat) || bytes.IndexByte([]byte("TtZX"), stat[state]) >= 0
}

// BlockTTOU blocks TTOU in the calling thread, which must be locked: the kernel
// lets a thread that blocks it write to its terminal (termios(3), TOSTOP). An
// admin's TTOU goes to another thread.
func BlockTTOU() {
	var set unix.Sigset_t
	bits := uint(unsafe.Sizeof(set.Val[0])) * 8
	set.Val[(uint(unix.SIGTTOU)-1)/bits] = 1 << ((uint(unix.SIGTTOU) - 1) % bits)
	unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil)
}

// StopsWriters reports whether a terminal would send this process TTOU: none
// does, see BlockTTOU.
func StopsWriters(int) bool { return false }

// localDisks are the file systems whose files wait for nothing but this host's own
// disks (statfs(2)).
var localDisks = map[uint32]bool{
	unix.EXT4_SUPER_MAGIC: true, unix.XFS_SUPER_MAGIC: true, unix.BTRFS_SUPER_MAGIC: true, unix.F2FS_SUPER_MAGIC: true,
	unix.TMPFS_MAGIC: true, unix.RAMFS_MAGIC: true, unix.OVERLAYFS_SUPER_MAGIC: true, unix.REISERFS_SUPER_MAGIC: true,
	zfsMagic: true, bcachefsMagic: true, jfsMagic: true, unix.MSDOS_SUPER_MAGIC: true, unix.EXFAT_SUPER_MAGIC: true,
	unix.PROC_SUPER_MAGIC: true, unix.SYSFS_MAGIC: true,
}

// What x/sys has no names for (fs/jfs, fs/bcachefs, and OpenZFS).
const (
	zfsMagic      = 0x2fc12fc1
	bcachefsMagic = 0xca451a4e
	jfsMagic      = 0x3153464a
)

// OnLocalDisk reports whether a regular file lies on a disk of this host. One of
// whose file system nothing is known does not.
func OnLocalDisk(fd int) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(fd, &st) == nil && localDisks[uint32(st.Type)]
}

// ptmx is the device that makes a new terminal at each open (pts(4)).
var ptmx = unix.Mkdev(5, 2)

// OpenAgain opens a descriptor's file once more, so that O_NONBLOCK is
// this plug's alone (proc_pid_fd(5)). Another user's pipe or terminal can't be.
func OpenAgain(fd int, st *unix.Stat_t) (int, error) {
	if uint32(st.Mode)&unix.S_IFMT == unix.S_IFCHR && uint64(st.Rdev) == ptmx {
		return -1, unix.ENXIO
	}
	return unix.Open("/proc/self/fd/"+strconv.Itoa(fd), unix.O_WRONLY|unix.O_APPEND|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
}

// BindToIndex moves a listening socket to an interface (socket(7),
// SO_BINDTOIFINDEX; one that has an interface needs CAP_NET_RAW).
func BindToIndex(fd int, index uint32) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, int(index))
}
