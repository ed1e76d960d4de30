// How many workers the limits of this host allow, and how many sessions a worker
// of a pool may have.

package host

import (
	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
)

const (
	tasksOfWorker = 4       // what the kernel counts for one worker
	fdsOfWorker   = 32      // what a worker has open in addition to its sessions
	fdsOfMaster   = 64      // what the master has open in addition to its workers' descriptors
	poolMost      = 1 << 15 // sessions of one pool worker
)

// PoolCapacity returns how many sessions one pool worker may carry: each takes two
// descriptors, and pipes if it splices.
func PoolCapacity() int {
	return max(1, min(poolMost, (Descriptors()-fdsOfWorker)*2/5))
}

// Descriptors returns how many descriptors this process and its workers may have
// open.
func Descriptors() int {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil || r.Cur > 1<<20 {
		return 1 << 20
	}
	return int(r.Cur)
}

// MaxWorkers returns how many workers the system allows: the limits are those on
// tasks (pid_max, RLIMIT_NPROC, the cgroup), the master's own descriptors, two for
// each worker, and a fixed maximum.
func MaxWorkers() int {
	n := min(config.MaxWorkers, (Descriptors()-fdsOfMaster)/2)
	for _, tasks := range taskLimits() {
		n = min(n, tasks/tasksOfWorker)
	}
	return max(1, n)
}
