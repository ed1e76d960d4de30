// Many sends in one system call (io_uring(7)).

package kernel

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

// Uring is an io_uring(7) only for sends: the kernel makes all the sends that were added
// to it in one system call. None of them waits, so each is done when the call returns,
// and no kernel thread or signal is involved.
type Uring struct {
	fd            int
	queue, answer []byte // mapped memory
	asked         []ask
	tail          *uint32 // of the requests
	waiting       uint32  // requests added, but not sent yet
	told          []answer
	first, last   *uint32 // of the answers
}

// ask is struct io_uring_sqe, answer is struct io_uring_cqe (linux/io_uring.h).
type ask struct {
	operation, _  uint8
	_             uint16
	fd            int32
	_             uint64
	address       uint64
	size, options uint32
	tag           uint64
	_             [3]uint64
}

type answer struct {
	tag    uint64
	result int32 // bytes, or a negative errno
	_      uint32
}

// ringSetup is struct io_uring_params.
type ringSetup struct {
	asks, answers         uint32
	_                     [3]uint32
	features              uint32
	_                     [4]uint32
	askHead, askTail      uint32
	_                     [4]uint32
	askOrder              uint32
	_                     uint32
	_                     uint64
	answerHead, answerEnd uint32
	_                     [3]uint32
	answersAt             uint32
	_                     [2]uint32
	_                     uint64
}

// From linux/io_uring.h and asm-generic/unistd.h.
const (
	sysRingSetup = 425
	sysRingEnter = 426

	ringAsks   = 0x10000000 // IORING_OFF_SQES
	ringSend   = 26         // IORING_OP_SEND
	ringNative = 1 << 9     // IORING_FEAT_NATIVE_WORKERS
	ringWait   = 1          // IORING_ENTER_GETEVENTS
)

// OpenUring makes a uring for n sends; n is a power of two. It is not used before Linux
// 5.12, where its memory counts against RLIMIT_MEMLOCK. Many machines forbid io_uring:
// with sysctl kernel.io_uring_disabled, or a container's seccomp filter.
func OpenUring(n int) (*Uring, syscall.Errno) {
	setup := new(ringSetup)
	fd, _, errno := syscall.RawSyscall(sysRingSetup, uintptr(n), uintptr(unsafe.Pointer(setup)), 0)
	if errno != 0 {
		return nil, errno
	}
	r := &Uring{fd: int(fd)}
	if setup.features&ringNative == 0 {
		r.Close()
		return nil, syscall.ENOSYS
	}
	size := max(int(setup.answersAt)+int(setup.answers)*int(unsafe.Sizeof(answer{})), int(setup.askOrder)+int(setup.asks)*4)
	if r.answer, errno = r.mapped(0, size); errno == 0 {
		r.queue, errno = r.mapped(ringAsks, int(setup.asks)*int(unsafe.Sizeof(ask{})))
	}
	if errno != 0 {
		r.Close()
		return nil, errno
	}
	at := func(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.answer[offset])) }
	order := unsafe.Slice(at(setup.askOrder), setup.asks)
	for i := range order {
		order[i] = uint32(i)
	}
	r.asked = unsafe.Slice((*ask)(unsafe.Pointer(&r.queue[0])), setup.asks)
	r.told = unsafe.Slice((*answer)(unsafe.Pointer(at(setup.answersAt))), setup.answers)
	r.tail, r.first, r.last = at(setup.askTail), at(setup.answerHead), at(setup.answerEnd)
	return r, 0
}

func (r *Uring) mapped(offset int64, size int) ([]byte, syscall.Errno) {
	p, err := syscall.Mmap(r.fd, offset, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED|syscall.MAP_POPULATE)
	return p, Errno(err)
}

// Close releases the uring; it may be called once.
func (r *Uring) Close() {
	for _, m := range [...][]byte{r.answer, r.queue} {
		if m != nil {
			syscall.Munmap(m)
		}
	}
	Close(r.fd)
	r.fd, r.answer, r.queue = -1, nil, nil
}

// Put adds a send to the batch. The bytes must be on the heap, and stay unchanged until
// they are sent. There may be no more sends than the uring was made for.
func (r *Uring) Put(tag, fd int, p []byte) {
	r.asked[(*r.tail+r.waiting)&uint32(len(r.asked)-1)] = ask{
		operation: ringSend,
		fd:        int32(fd),
		address:   uint64(uintptr(unsafe.Pointer(unsafe.SliceData(p)))),
		size:      uint32(len(p)),
		options:   syscall.MSG_NOSIGNAL | syscall.MSG_DONTWAIT,
		tag:       uint64(tag),
	}
	r.waiting++
}

// Send makes the sends of the batch, in order, and reports each one's result with its
// tag. If it returns false, some were not made for lack of memory and have no result, and
// the uring can't be used any more.
func (r *Uring) Send(tell func(tag int, result int32)) bool {
	want := r.waiting
	r.waiting = 0
	atomic.StoreUint32(r.tail, *r.tail+want)
	made, _, errno := syscall.RawSyscall6(sysRingEnter, uintptr(r.fd), uintptr(want), uintptr(want), ringWait, 0, 0)
	end := atomic.LoadUint32(r.last)
	for i := *r.first; i != end; i++ {
		a := &r.told[i&uint32(len(r.told)-1)]
		tell(int(a.tag), a.result)
	}
	atomic.StoreUint32(r.first, end)
	return errno == 0 && uint32(made) == want
}
