// Package report is the wire of the report pipe: the doorbells that workers
// ring for their master. A doorbell only says where to look; the data is on
// the board. All records have the same size, so a write of whole records of at
// most PIPE_BUF bytes (pipe(7)) is neither split nor mixed with another write.
package report

import (
	"encoding/binary"

	"daemon/plug/worker/version"
)

// Size of a record in bytes. The smallest PIPE_BUF (POSIX: 512) holds 32.
const (
	Size  = 16
	Batch = 512 / Size // records that one write may hold on every system
)

// Kind is the kind of a doorbell.
type Kind uint8

const (
	Ready   Kind = iota + 1 // the worker waits for its first client
	Begin                   // a session has begun on Row
	End                     // the session on Row has ended
	Failed                  // target slot Row could not be connected
	Leaving                 // the worker leaves waiting clients to the other workers
)

// Record is one doorbell.
type Record struct {
	Kind       Kind
	Slot       uint16 // slot of the worker
	PID        uint32
	Generation uint32
	Row        uint32 // a row of the worker; for Failed, the target slot
}

// Append appends the record's wire form to b.
func (r Record) Append(b []byte) []byte {
	b = append(b, version.Doorbell, byte(r.Kind))
	b = binary.LittleEndian.AppendUint16(b, r.Slot)
	b = binary.LittleEndian.AppendUint32(b, r.PID)
	b = binary.LittleEndian.AppendUint32(b, r.Generation)
	return binary.LittleEndian.AppendUint32(b, r.Row)
}

// Parse reads one record from the start of b. ok is false if b is too short or
// if no worker writes such a record. The records of all versions have this
// form.
func Parse(b []byte) (r Record, ok bool) {
	if len(b) < Size || b[0] == 0 || b[1] < byte(Ready) || b[1] > byte(Leaving) {
		return r, false
	}
	return Record{
		Kind:       Kind(b[1]),
		Slot:       binary.LittleEndian.Uint16(b[2:]),
		PID:        binary.LittleEndian.Uint32(b[4:]),
		Generation: binary.LittleEndian.Uint32(b[8:]),
		Row:        binary.LittleEndian.Uint32(b[12:]),
	}, true
}
