//go:build !linux && !darwin

package supervisor

import "golang.org/x/sys/unix"

// exitNotes ask kqueue(2) for a process's end; its status comes with it.
const exitNotes = unix.NOTE_EXIT
