// Harness: a file system that can hang, like a network disk.

package harness

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// Fuse is a file system with one directory, in this process (the kernel's
// include/uapi/linux/fuse.h). It simulates a network disk: while it is away,
// no call that reaches it returns.
type Fuse struct {
	t       testing.TB
	Dir     string
	fd      int
	away    sync.Mutex // held while it does not answer
	gone    bool       // the test holds it
	mu      sync.Mutex
	files   map[uint64]*fuseFile
	next    uint64
	flushes bool // close(2) waits for the disk

	holds string   // the file whose writes and closings are not answered; "" for none
	held  [][]byte // requests of those
}

type fuseFile struct {
	name string // "" when it was removed
	data []byte
	mode uint32
}

// The requests of the kernel, by number.
const (
	fuseLookup, fuseForget, fuseGetattr, fuseSetattr = 1, 2, 3, 4
	fuseUnlink, fuseRename, fuseOpen, fuseRead       = 10, 12, 14, 15
	fuseWrite, fuseRelease, fuseInit, fuseCreate     = 16, 18, 26, 35
	fuseInterrupt, fuseBatchForget, fuseRename2      = 36, 42, 45
	fuseFlush                                        = 25
)

// MountFuse mounts an empty file system at a new directory. A close(2) of its files does
// not wait for it.
func MountFuse(t testing.TB) *Fuse {
	t.Helper()
	return mountFuse(t, false)
}

// MountFlushingFuse is like MountFuse, but close(2) waits for the file system
// (FUSE_FLUSH), and no signal ends that wait.
func MountFlushingFuse(t testing.TB) *Fuse {
	t.Helper()
	return mountFuse(t, true)
}

func mountFuse(t testing.TB, flushes bool) *Fuse {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mount: needs root")
	}
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("/dev/fuse: %v", err)
	}
	f := &Fuse{t: t, Dir: OpenDir(t) + "/fuse", fd: fd, files: map[uint64]*fuseFile{}, next: 2, flushes: flushes}
	if err := os.Mkdir(f.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other", fd)
	if err := unix.Mount("plug-test", f.Dir, "fuse", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		unix.Close(fd)
		t.Skipf("mount of fuse: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer unix.Close(fd)
		f.serve()
	}()
	t.Cleanup(func() {
		f.Return()
		unix.Unmount(f.Dir, unix.MNT_FORCE) // ends every call that is still waiting
		unix.Unmount(f.Dir, unix.MNT_DETACH)
		<-ended
	})
	f.neverPolled()
	return f
}

// neverPolled makes the kernel learn that this file system has no poll(2).
// Otherwise it would ask when Go's runtime first adds one of its files to its
// poller, and that would wait for the answer while it holds a processor
// (GOMAXPROCS), which the answer may need.
func (f *Fuse) neverPolled() {
	f.t.Helper()
	name := f.Dir + "/polled"
	fd, err := unix.Open(name, unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		f.t.Fatal(err)
	}
	unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	unix.Close(fd)
	unix.Unlink(name)
}

// Leave makes the disk answer no more; a request that it has read is answered before.
func (f *Fuse) Leave() {
	f.away.Lock()
	f.gone = true
}

// Return makes the disk answer again, if it does not.
func (f *Fuse) Return() {
	if f.gone {
		f.gone = false
		f.away.Unlock()
	}
}

// HoldWrites makes the disk answer everything but writes to a file and closings of it.
func (f *Fuse) HoldWrites(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holds = name
}

// Held returns how many writes and closings wait for an answer.
func (f *Fuse) Held() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.held)
}

// ReleaseWrites makes the disk answer what it has held, and all later requests.
func (f *Fuse) ReleaseWrites() {
	f.mu.Lock()
	held := f.held
	f.holds, f.held = "", nil
	f.mu.Unlock()
	for _, request := range held {
		f.reply(request)
	}
}

// hold keeps a request whose answer has to wait.
func (f *Fuse) hold(opcode uint32, node uint64, request []byte) bool {
	file := f.files[node]
	if opcode != fuseWrite && opcode != fuseFlush || file == nil || f.holds == "" || file.name != f.holds {
		return false
	}
	f.held = append(f.held, bytes.Clone(request))
	return true
}

func (f *Fuse) serve() {
	request := make([]byte, 1<<18)
	for {
		f.away.Lock()
		f.away.Unlock()
		pollFor := []unix.PollFd{{Fd: int32(f.fd), Events: unix.POLLIN}}
		if n, _ := unix.Poll(pollFor, 20); n == 0 {
			continue
		}
		if !f.away.TryLock() {
			continue // a request that is not read can still be interrupted
		}
		n, err := unix.Read(f.fd, request)
		f.away.Unlock()
		if err == unix.EINTR || err == unix.EAGAIN || err == unix.ENOENT {
			continue
		}
		if err != nil || n < 40 {
			return
		}
		f.reply(request[:n])
	}
}

// reply answers one request: a header with length, error and number, and a
// body.
func (f *Fuse) reply(request []byte) {
	opcode, node := binary.LittleEndian.Uint32(request[4:]), binary.LittleEndian.Uint64(request[16:])
	if opcode == fuseForget || opcode == fuseBatchForget || opcode == fuseInterrupt {
		return
	}
	f.mu.Lock()
	if f.hold(opcode, node, request) {
		f.mu.Unlock()
		return
	}
	body, errno := f.answer(opcode, node, request[40:])
	f.mu.Unlock()
	head := binary.LittleEndian.AppendUint32(nil, uint32(16+len(body)))
	head = binary.LittleEndian.AppendUint32(head, uint32(-int32(errno)))
	head = append(head, request[8:16]...)
	unix.Write(f.fd, append(head, body...))
}

func (f *Fuse) answer(opcode uint32, node uint64, in []byte) (body []byte, errno unix.Errno) {
	le, file := binary.LittleEndian, f.files[node]
	switch opcode {
	case fuseInit:
		body = make([]byte, 64)
		le.PutUint32(body, 7)
		le.PutUint32(body[4:], 31)
		le.PutUint32(body[20:], 1<<16) // longest write
		return body, 0
	case fuseLookup:
		return f.entry(f.find(text(in)))
	case fuseCreate:
		node := f.find(text(in[16:]))
		if node == 0 {
			node, f.next = f.next, f.next+1
			f.files[node] = &fuseFile{name: text(in[16:]), mode: le.Uint32(in[4:])}
		}
		body, errno = f.entry(node)
		return append(body, make([]byte, 16)...), errno
	case fuseOpen:
		body = make([]byte, 16)
		le.PutUint32(body[8:], 2) // FOPEN_KEEP_CACHE: the kernel does not wait for a write to the file
		return body, 0
	case fuseFlush:
		if !f.flushes {
			return nil, unix.ENOSYS
		}
		return nil, 0
	case fuseGetattr, fuseSetattr:
		if opcode == fuseSetattr && file != nil && le.Uint32(in)&8 != 0 { // FATTR_SIZE
			file.data = append(file.data, make([]byte, 1<<12)...)[:le.Uint64(in[16:])]
		}
		if opcode == fuseSetattr && file != nil && le.Uint32(in)&1 != 0 { // FATTR_MODE
			file.mode = le.Uint32(in[68:])
		}
		return append(make([]byte, 16), f.attributes(node)...), 0
	case fuseRead:
		at := min(le.Uint64(in[8:]), uint64(len(file.data)))
		return file.data[at:min(uint64(len(file.data)), at+uint64(le.Uint32(in[16:])))], 0
	case fuseWrite:
		at, p := int(le.Uint64(in[8:])), in[40:40+le.Uint32(in[16:])]
		for len(file.data) < at+len(p) {
			file.data = append(file.data, 0)
		}
		copy(file.data[at:], p)
		return le.AppendUint64(nil, uint64(len(p))), 0
	case fuseUnlink:
		f.remove(text(in))
		return nil, 0
	case fuseRename, fuseRename2:
		names := in[8:]
		if opcode == fuseRename2 {
			names = in[16:]
		}
		from := f.find(text(names))
		to := text(names[bytes.IndexByte(names, 0)+1:])
		if from == 0 {
			return nil, unix.ENOENT
		}
		f.remove(to)
		f.files[from].name = to
		return nil, 0
	case fuseRelease:
		return nil, 0
	}
	return nil, unix.ENOSYS
}

func (f *Fuse) find(name string) uint64 {
	for node, file := range f.files {
		if file.name == name {
			return node
		}
	}
	return 0
}

func (f *Fuse) remove(name string) {
	if node := f.find(name); node != 0 {
		f.files[node].name = ""
	}
}

func (f *Fuse) entry(node uint64) ([]byte, unix.Errno) {
	if node == 0 {
		return nil, unix.ENOENT
	}
	body := make([]byte, 40)
	binary.LittleEndian.PutUint64(body, node)
	return append(body, f.attributes(node)...), 0
}

// attributes returns struct fuse_attr.
func (f *Fuse) attributes(node uint64) []byte {
	le, body, mode, size := binary.LittleEndian, make([]byte, 88), uint32(unix.S_IFDIR|0o755), 0
	if file := f.files[node]; file != nil {
		mode, size = unix.S_IFREG|file.mode&0o7777, len(file.data)
	}
	le.PutUint64(body, node)
	le.PutUint64(body[8:], uint64(size))
	le.PutUint32(body[60:], mode)
	le.PutUint32(body[64:], 1)
	return body
}

// Content is a file's content, without a call that could wait.
func (f *Fuse) Content(name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if file := f.files[f.find(name)]; file != nil {
		return string(file.data)
	}
	return ""
}

// text is a C string.
func text(p []byte) string {
	s, _, _ := bytes.Cut(p, []byte{0})
	return string(s)
}

// ThreadsWaiting returns the IDs of a process's threads that wait for the answer of a FUSE
// file system, by proc_pid_wchan(5).
func ThreadsWaiting(pid int) (ids []string) {
	for _, dir := range Tasks(pid) {
		if at, _ := os.ReadFile(dir + "/wchan"); string(at) == "request_wait_answer" {
			ids = append(ids, filepath.Base(dir))
		}
	}
	return ids
}
