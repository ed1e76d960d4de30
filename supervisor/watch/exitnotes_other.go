//go:build !linux && !darwin

// What the watcher asks the BSDs about a process: its end, which includes the
// status.

package watch

import "golang.org/x/sys/unix"

// exitNotes request a process's end from kqueue(2); its status comes with it.
const exitNotes = unix.NOTE_EXIT
