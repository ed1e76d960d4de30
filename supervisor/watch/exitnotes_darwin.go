// What macOS is asked about a process: its end, and its status, which has to be
// asked for.

package watch

import "golang.org/x/sys/unix"

// exitNotes ask kqueue(2) for a child's end and its status.
const exitNotes = unix.NOTE_EXIT | unix.NOTE_EXITSTATUS
