// The records of a handover: the old master's offer, its generations and workers,
// and the counts at the end. Fields are only ever added.

package handover

import (
	"time"

	"daemon/plug/supervisor/counters"
)

// Offer is what a new master needs for its preparation, while the old one serves. A
// message for each plug follows.
type Offer struct {
	Role       string `json:"role"`       // of the starter, whose socket is the first descriptor
	Generation uint32 `json:"generation"` // the newest number in use
	LastID     uint64 `json:"last_id"`
	Shepherd   int    `json:"shepherd,omitempty"` // its PID, with -n
	Plugs      int    `json:"plugs"`              // how many follow

	Control *ControlRecord `json:"control,omitempty"` // its socket is the second descriptor
}

// PlugOffer is what a new master needs to prepare one plug; the plug's listeners
// come with it.
type PlugOffer struct {
	ID         uint32   `json:"id"` // other records name the plug by it
	Name       string   `json:"name"`
	Removed    bool     `json:"removed,omitempty"` // it is not served any more, but has sessions
	SessionLog string   `json:"session_log,omitempty"`
	Listeners  []string `json:"listeners"` // their sources, as the configuration names them
	Workers    int      `json:"workers"`   // spares to have ready
	Affinity   []uint64 `json:"affinity"`
}

// GenerationRecord is a generation that has workers; its assignment, state and
// report pipe come with it.
type GenerationRecord struct {
	Plug   uint32 `json:"plug"` // the ID of its offer
	Number uint32 `json:"number"`
	Build  string `json:"build"` // version of the program
}

// ChildRecord is one worker; its lifeline comes with it, and its pidfd on systems
// that have them.
type ChildRecord struct {
	ID         uint64 `json:"id"`
	Generation uint32 `json:"generation"`
	Slot       int    `json:"slot"`
	PID        int    `json:"pid"`
	Busy       bool   `json:"busy"`
	Draining   bool   `json:"draining"`
	Listed     bool   `json:"listed"`
	Turns      uint64 `json:"turns"`
	Born       int64  `json:"born"` // Unix ns
}

// PlugState is the state of one plug, besides its generations and workers.
type PlugState struct {
	Plug   uint32          `json:"plug"` // the ID of its offer
	Paused bool            `json:"paused"`
	Totals counters.Totals `json:"totals"`
	Told   uint64          `json:"told"` // lost session lines that the log has reported
}

// LineBatch holds session lines that are not written yet.
type LineBatch struct {
	Plug  uint32   `json:"plug"` // the ID of its offer
	Lines []string `json:"lines"`
}

// EndRecord follows the state of all plugs: the counts of what was sent, to be
// compared, and the other state of the old master. The pidfile's locked descriptor
// comes with it.
type EndRecord struct {
	Plugs       int              `json:"plugs"`
	Generations int              `json:"generations"`
	Children    int              `json:"children"`
	Sum         uint64           `json:"sum"`
	Lines       int              `json:"lines"`
	Totals      counters.Process `json:"totals"`
	Told        Lost             `json:"told"` // losses that the log has reported
	Frozen      time.Time        `json:"frozen"`
	LogLevel    *int             `json:"log_level,omitempty"` // if an admin has changed it
}

// Sum returns a number that differs if a record was lost, duplicated or garbled.
func (r *ChildRecord) Sum() uint64 {
	return (r.ID+1)*31 + uint64(r.PID)*7 + uint64(r.Slot) + uint64(r.Generation)<<32
}

// ControlRecord is the control socket in the offer.
type ControlRecord struct {
	Path string `json:"path"`
	ID   Inode  `json:"inode"`
}

// Inode identifies the socket's file, so that a master can check whether it is
// still there.
type Inode struct {
	Device uint64 `json:"device"`
	Number uint64 `json:"number"`
}

// Lost counts what workers and masters have dropped.
type Lost struct {
	Lines   uint64 `json:"lines"`   // of the session file
	Records uint64 `json:"records"` // of syslog
	Dropped uint64 `json:"dropped"` // lines for stderr
}
