// The threads of the master: they are started early and kept, since a thread that
// cannot be started later would end it.

package host

import (
	"sync"

	"golang.org/x/sys/unix"
)

// spareThreads is more than the master ever has in system calls that block.
const spareThreads = 8

// PrepareThreads makes the runtime start its threads now and keep them: later,
// when the host's tasks have run out, a thread that can't be started would end
// the master, and every worker that it might spawn is what uses them up.
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
			unix.Read(fds[0], b[:]) // blocks its thread until all have one
		})
	}
	started.Wait()
	unix.Close(fds[1])
	all.Wait()
	unix.Close(fds[0])
}
