// The threads of the master. They are started early and kept, because the master
// would end if it could not start a thread later.

package host

import (
	"sync"

	"golang.org/x/sys/unix"
)

// spareThreads is more than the master ever has in blocking system calls.
const spareThreads = 8

// PrepareThreads makes the runtime start its threads now and keep them. Later,
// when the host's tasks have run out, perhaps because of the master's own workers,
// a thread that cannot be started would end the master.
func PrepareThreads() {
	var all, started sync.WaitGroup
	var fds [2]int
	if Pipe(fds[:]) != nil {
		return
	}
	unix.SetNonblock(fds[0], false)
	started.Add(spareThreads)
	for range spareThreads {
		all.Go(func() {
			started.Done()
			var b [1]byte
			unix.Read(fds[0], b[:]) // blocks its thread until all threads exist
		})
	}
	started.Wait()
	unix.Close(fds[1])
	all.Wait()
	unix.Close(fds[0])
}
