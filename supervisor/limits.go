package supervisor

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

// poolCapacity is how many sessions one pool worker may carry: two descriptors
// each, and the pipes of those that splice.
func poolCapacity() int {
	return max(1, min(poolMost, (descriptors()-fdsOfWorker)*2/5))
}

// descriptors is how many this process and its workers may have open.
func descriptors() int {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil || r.Cur > 1<<20 {
		return 1 << 20
	}
	return int(r.Cur)
}

// maxWorkers is how many workers the system allows, at most the stated limit:
// by tasks (pid_max, RLIMIT_NPROC, the cgroup), and by the master's own
// descriptors, two for each worker.
func maxWorkers() int {
	n := min(config.MaxWorkers, (descriptors()-fdsOfMaster)/2)
	for _, tasks := range taskLimits() {
		n = min(n, tasks/tasksOfWorker)
	}
	return max(1, n)
}
