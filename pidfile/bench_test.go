// Benchmarks of Write, on disk and in memory.

package pidfile

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// benchmark calls body with a directory on disk and, if possible, with one in
// memory, such as /run.
func benchmark(b *testing.B, body func(b *testing.B, f *File, pids []int)) {
	for name, place := range map[string]string{"disk": "", "memory": "/dev/shm"} {
		for _, n := range []int{1, 100, 4000} {
			b.Run(fmt.Sprintf("%s/pids=%d", name, n), func(b *testing.B) {
				dir, err := os.MkdirTemp(place, "pidfile")
				if err != nil {
					b.Skip(err)
				}
				defer os.RemoveAll(dir)
				f, err := Claim(filepath.Join(dir, "plug.pid"), os.Getpid())
				if err != nil {
					b.Fatal(err)
				}
				defer f.Remove()
				pids := make([]int, n)
				for i := range pids {
					pids[i] = 1_000_000 + i
				}
				body(b, f, pids)
			})
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	benchmark(b, func(b *testing.B, f *File, pids []int) {
		b.ReportAllocs()
		for b.Loop() {
			if err := f.Write(pids); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// A master writes at most every 10 ms; at that rate ext4 creates files faster
// than without a pause (see memory). What matters is the CPU time.
func BenchmarkWritePaced(b *testing.B) {
	benchmark(b, func(b *testing.B, f *File, pids []int) {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		before := cpu(b) // of all goroutines: a replaced file is closed after Write has returned
		for b.Loop() {
			<-tick.C
			if err := f.Write(pids); err != nil {
				b.Fatal(err)
			}
		}
		spent := cpu(b) - before
		b.ReportMetric(float64(spent.Microseconds())/float64(b.N), "cpu-µs/write")
	})
}

// cpu is the CPU time of this process, user and system.
func cpu(b *testing.B) time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
