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

// Socket makes a non-blocking, close-on-exec socket.
func Socket(family, kind int) (int, error) {
	return unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
}

// Pipe makes a pipe whose ends are non-blocking and close-on-exec.
func Pipe(fds []int) error { return unix.Pipe2(fds, unix.O_CLOEXEC|unix.O_NONBLOCK) }

// Socketpair makes a pair of stream sockets, non-blocking and close-on-exec.
func Socketpair(fds *[2]int) (err error) {
	*fds, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	return err
}

// Replace makes the descriptor at refer to the file of fd, atomically for all
// threads that use its number (dup3(2)).
func Replace(fd, at int) error { return unix.Dup3(fd, at, unix.O_CLOEXEC) }

// Queued returns how many clients wait at a listener: TCP_INFO's tcpi_unacked of a
// listening socket is the length of its accept queue (tcp(7)).
func Queued(listener int) int {
	_, _, errno := syscall.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(listener), unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(tcpInfo)), uintptr(unsafe.Pointer(tcpInfoSize)), 0)
	if errno != 0 {
		return 0
	}
	return int(tcpInfo.Unacked)
}

// tcpInfo is what the loop reads often; it is global so that it cannot move.
var (
	tcpInfo     = new(unix.TCPInfo)
	tcpInfoSize = func() *uint32 { n := new(uint32); *n = uint32(unsafe.Sizeof(*tcpInfo)); return n }()
)

// ForgetEnd resets a listener that was shut down to the state after bind(2).
// Otherwise its connections would inherit what ss -K leaves on it: the end of both
// directions and an error (connect(2) with AF_UNSPEC).
func ForgetEnd(listener int) {
	unspecified := new(unix.RawSockaddr)
	syscall.RawSyscall(unix.SYS_CONNECT, uintptr(listener), uintptr(unsafe.Pointer(unspecified)), unix.SizeofSockaddrInet4)
	unix.GetsockoptInt(listener, unix.SOL_SOCKET, unix.SO_ERROR)
}

// HavePidfds says that workers have a pidfd.
const HavePidfds = true

// Signal signals a worker, and never another process with the same PID.
func Signal(pid, pidfd int, s unix.Signal) { unix.PidfdSendSignal(pidfd, s, nil, 0) }

// ParentOf returns a process's parent (proc_pid_stat(5)); 0 if there is no such
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

// StrangeChild returns a child of this process whose command line is not a plug
// process's: neither a worker's nor, before the child has executed its own
// program, this master's (proc_pid_cmdline(5)). It returns 0 if there is none.
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

// CountsQueue says that Queued returns a count, not only whether a client waits.
const CountsQueue = true

// IsStopped reports whether a process is stopped, or gone (proc_pid_stat(5)).
func IsStopped(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	state := bytes.LastIndexByte(stat, ')') + 2
	return err != nil || state >= len(stat) || bytes.IndexByte([]byte("TtZX"), stat[state]) >= 0
}

// BlockTTOU blocks TTOU in the calling thread, which must be locked: the kernel
// lets a thread that blocks it write to its terminal (termios(3), TOSTOP). A TTOU
// sent by an admin goes to another thread.
func BlockTTOU() {
	var set unix.Sigset_t
	bits := uint(unsafe.Sizeof(set.Val[0])) * 8
	set.Val[(uint(unix.SIGTTOU)-1)/bits] = 1 << ((uint(unix.SIGTTOU) - 1) % bits)
	unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil)
}

// StopsWriters reports whether a terminal would send this process TTOU: never, see
// BlockTTOU.
func StopsWriters(int) bool { return false }

// localDisks are the file systems whose files depend only on this host's own disks
// (statfs(2)).
var localDisks = map[uint32]bool{
	unix.EXT4_SUPER_MAGIC: true, unix.XFS_SUPER_MAGIC: true, unix.BTRFS_SUPER_MAGIC: true, unix.F2FS_SUPER_MAGIC: true,
	unix.TMPFS_MAGIC: true, unix.RAMFS_MAGIC: true, unix.OVERLAYFS_SUPER_MAGIC: true, unix.REISERFS_SUPER_MAGIC: true,
	zfsMagic: true, bcachefsMagic: true, jfsMagic: true, unix.MSDOS_SUPER_MAGIC: true, unix.EXFAT_SUPER_MAGIC: true,
	unix.PROC_SUPER_MAGIC: true, unix.SYSFS_MAGIC: true,
}

// Names that x/sys does not have (fs/jfs, fs/bcachefs, and OpenZFS).
const (
	zfsMagic      = 0x2fc12fc1
	bcachefsMagic = 0xca451a4e
	jfsMagic      = 0x3153464a
)

// local reports whether a file system is on a disk of this host. An unknown one does not
// count.
func local(fs *unix.Statfs_t) bool { return localDisks[uint32(fs.Type)] }

// ptmx is the device that makes a new terminal at each open (pts(4)).
var ptmx = unix.Mkdev(5, 2)

// OpenAgain opens a descriptor's file a second time, so that O_NONBLOCK affects
// this plug only (proc_pid_fd(5)). It fails for another user's pipe or terminal.
func OpenAgain(fd int, st *unix.Stat_t) (int, error) {
	if uint32(st.Mode)&unix.S_IFMT == unix.S_IFCHR && uint64(st.Rdev) == ptmx {
		return -1, unix.ENXIO
	}
	return unix.Open("/proc/self/fd/"+strconv.Itoa(fd), unix.O_WRONLY|unix.O_APPEND|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
}

// BindToIndex binds a listening socket to another interface (socket(7),
// SO_BINDTOIFINDEX; if it already has one, this needs CAP_NET_RAW).
func BindToIndex(fd int, index uint32) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, int(index))
}
