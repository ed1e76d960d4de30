// Tests of the seals: workers can neither write the assignment nor change a
// size.

package memory

import (
	"os"
	"strconv"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"daemon/plug/worker/board"
)

const page = 4096

// sealed returns a board as workers inherit it.
func sealed(t *testing.T) (b *board.Board, assignment, state int) {
	t.Helper()
	b, assignment, state, err := New(board.Shape{Generation: 1, Workers: 2, Capacity: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.Close()
		unix.Close(assignment)
		unix.Close(state)
	})
	b.State.Gate.Store(board.GateClosed)
	if err := Seal(assignment, state); err != nil {
		t.Fatal(err)
	}
	return b, assignment, state
}

func TestNobodyElseWritesTheAssignment(t *testing.T) {
	b, assignment, state := sealed(t)
	if m, err := unix.Mmap(assignment, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != unix.EPERM {
		t.Errorf("mapped for writing: %v", err)
		unix.Munmap(m)
	}
	if n, err := unix.Pwrite(assignment, []byte{1}, 24); err != unix.EPERM {
		t.Errorf("pwrite: %d, %v", n, err)
	}
	worker, err := board.Open(assignment, state)
	if err != nil {
		t.Fatal(err)
	}
	defer worker.Close()
	if err := unix.Mprotect(unsafe.Slice((*byte)(unsafe.Pointer(worker.Assignment)), page), unix.PROT_READ|unix.PROT_WRITE); err == nil {
		t.Error("a reader's mapping became writable")
	}
	// Opening it again gives another open file with the same seals.
	again, err := os.OpenFile("/proc/self/fd/"+strconv.Itoa(assignment), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if m, err := unix.Mmap(int(again.Fd()), 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != unix.EPERM {
		t.Errorf("opened anew and mapped for writing: %v", err)
		unix.Munmap(m)
	}
	b.State.Gate.Store(board.GateOpen)
	if worker.State.Gate.Load() != board.GateOpen {
		t.Error("the master's own mapping was sealed too")
	}
}

func TestSizesAreSealed(t *testing.T) {
	_, assignment, state := sealed(t)
	for name, fd := range map[string]int{"assignment": assignment, "state": state} {
		var s unix.Stat_t
		if err := unix.Fstat(fd, &s); err != nil {
			t.Fatal(err)
		}
		for _, size := range []int64{0, s.Size + page} {
			if err := unix.Ftruncate(fd, size); err != unix.EPERM {
				t.Errorf("%s of %d bytes cut to %d: %v", name, s.Size, size, err)
			}
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE); err != unix.EPERM {
			t.Errorf("%s: one more seal: %v", name, err)
		}
	}
	m, err := unix.Mmap(state, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatalf("the state can't be written: %v", err)
	}
	unix.Munmap(m)
}
