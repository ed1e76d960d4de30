//go:build !linux || portable

// The portable engine does not follow live changes: its master makes a new generation.

package worker

import "syscall"

// FollowsChanges says that this build's workers do not follow live changes.
const FollowsChanges = false

// takeAssignment closes an assignment that no master sends to this engine.
func (e *engine) takeAssignment(fd int) {
	if fd >= 0 {
		syscall.Close(fd)
	}
}

func (e *engine) addListener(fd int, _ uint32) { e.takeAssignment(fd) }

func (e *engine) leaveListener(uint32) {}
