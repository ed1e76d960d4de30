// Package record makes the texts about a session: its line in the session
// file, its messages to syslog and the log lines on stderr. Workers write with
// it, and the master for workers that were killed.
//
// Frequent texts are appended to the caller's buffer, without an allocation.
// Local time is passed as an offset, so that only the master needs to know a
// time zone. The caller owns files and sockets; only CutBack changes one, to
// remove half a line.
package record

import (
	"strconv"

	"daemon/plug/worker/address"
)

// Identity is the name under which every process writes its records.
const Identity = "plug"

// Line is one ended session, as -S records it.
type Line struct {
	Unix   int64 // when it ended, seconds of the wall clock
	Offset int32 // local time at the end, seconds east of UTC
	PID    int   // the process that carried it
	Listen string
	Peer   address.Addr // the client, without its port
	Target string       // "addr:port", the last one tried
	In     uint64       // bytes read from the client
	Out    uint64       // bytes read from the target
	Usec   uint64       // duration in microseconds
}

// Append appends the whole line with its newline:
//
//	[2026-11-22 17:30:00] plug[4711] LISTEN PEER TARGET IN OUT USEC
//
// Parsers count the fields, so one that is not known is written as "-".
func (l *Line) Append(dst []byte) []byte {
	dst = append(dst, '[')
	dst = civilOf(l.Unix, l.Offset).append(dst, ' ')
	dst = append(dst, "] "...)
	dst = appendSource(dst, l.PID)
	dst = append(dst, ' ')
	dst = appendField(dst, l.Listen)
	dst = append(dst, ' ')
	dst = l.Peer.AppendHost(dst)
	dst = append(dst, ' ')
	dst = appendField(dst, l.Target)
	dst = append(dst, ' ')
	dst = strconv.AppendUint(dst, l.In, 10)
	dst = append(dst, ' ')
	dst = strconv.AppendUint(dst, l.Out, 10)
	dst = append(dst, ' ')
	dst = strconv.AppendUint(dst, l.Usec, 10)
	return append(dst, '\n')
}

// appendSource appends "plug[PID]".
func appendSource(dst []byte, pid int) []byte {
	dst = append(dst, Identity...)
	dst = append(dst, '[')
	dst = strconv.AppendInt(dst, int64(pid), 10)
	return append(dst, ']')
}

func appendField(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, '-')
	}
	return append(dst, s...)
}
