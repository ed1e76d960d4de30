//go:build !linux && !darwin

// What the BSDs are asked about a process: its end, with which the status comes
// unasked.

package watch

import "golang.org/x/sys/unix"

// exitNotes ask kqueue(2) for a process's end; its status comes with it.
const exitNotes = unix.NOTE_EXIT
