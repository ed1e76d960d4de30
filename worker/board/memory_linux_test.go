package board

import (
	"os"
	"strconv"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sealed is a board as workers inherit it.
func sealed(t *testing.T) (b *Board, assignment, state int) {
	t.Helper()
	b, assignment, state = made(t, Shape{Generation: 1, Workers: 2, Capacity: 1})
	b.Gate.Store(GateClosed)
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
	worker, err := Open(assignment, state)
	if err != nil {
		t.Fatal(err)
	}
	defer worker.Close()
	if err := unix.Mprotect(worker.assignment, unix.PROT_READ|unix.PROT_WRITE); err == nil {
		t.Error("a reader's mapping became writable")
	}
	// Opened anew, it is another open file, with the same seals.
	again, err := os.OpenFile("/proc/self/fd/"+strconv.Itoa(assignment), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if m, err := unix.Mmap(int(again.Fd()), 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != unix.EPERM {
		t.Errorf("opened anew and mapped for writing: %v", err)
		unix.Munmap(m)
	}
	b.Gate.Store(GateOpen)
	if worker.Gate.Load() != GateOpen {
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

// A memory that is shorter than it says would kill who reads beyond its end.
func TestOpenRefusesShortMemory(t *testing.T) {
	_, assignment, state := made(t, Shape{Workers: 4, Capacity: 4})
	for _, c := range []struct {
		name string
		fd   int
		size int64
	}{
		{"state", state, int64(unsafe.Sizeof(Header{}))},
		{"assignment", assignment, page},
	} {
		if err := unix.Ftruncate(c.fd, c.size); err != nil {
			t.Fatal(err)
		}
		if b, err := Open(assignment, state); err == nil {
			t.Errorf("opened with %s cut to %d bytes", c.name, c.size)
			b.Close()
		}
	}
}
