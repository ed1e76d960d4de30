// How many workers the limits of this host allow, and how many sessions a worker
// of a pool may have.

package host

import (
	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
)

const (
	tasksOfWorker = 4       // what a worker is to the kernel
	fdsOfWorker   = 32      // what a worker has open besides its sessions
	fdsOfMaster   = 64      // what the master has open besides its workers'
	poolMost      = 1 << 15 // sessions of one pool worker
)

// PoolCapacity is how many sessions one pool worker may carry: two descriptors
// each, and the pipes of those that splice.
func PoolCapacity() int {
	return max(1, min(poolMost, (Descriptors()-fdsOfWorker)*2/5))
}

// Descriptors is how many this process and its workers may have open.
func Descriptors() int {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil || r.Cur > 1<<20 {
		return 1 << 20
	}
	return int(r.Cur)
}

// MaxWorkers is how many workers the system allows, at most the stated limit:
// by tasks (pid_max, RLIMIT_NPROC, the cgroup), and by the master's own
// descriptors, two for each worker.
func MaxWorkers() int {
	n := min(config.MaxWorkers, (Descriptors()-fdsOfMaster)/2)
	for _, tasks := range taskLimits() {
		n = min(n, tasks/tasksOfWorker)
	}
	return max(1, n)
}
