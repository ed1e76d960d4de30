// What the watcher asks macOS about a process: its end, and its status, which must
// be requested separately.

package watch

import "golang.org/x/sys/unix"

// exitNotes request a child's end and its status from kqueue(2).
const exitNotes = unix.NOTE_EXIT | unix.NOTE_EXITSTATUS
