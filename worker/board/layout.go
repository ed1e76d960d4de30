package board

import (
	"sync/atomic"

	"daemon/plug/worker/address"
)

// Limits of the layout that are the same in every version.
const (
	Outcomes     = 8 // kinds of outcome counted in a column
	SpareRows    = 7 // rows of a worker beyond its capacity, for lines that are yet to be written
	affinityWays = 8 // entries a bucket: one cache line

	magicAssignment = 0x32674153474c5550 // "PLUGSAg2", little endian
	magicState      = 0x32745353474c5550 // "PLUGSSt2"
)

// Gate values. Only the master writes them.
const (
	GateClosed   uint32 = iota // not yet: the generation waits for its commit
	GateOpen                   // accept
	GatePaused                 // TTOU: leave clients in the kernel's queue
	GateDraining               // for good: finish what you have, take nothing new
)

// What is said once for all processes of a plug, and not by each.
const (
	LogAccept  = iota // no descriptors or memory to accept with
	LogConnect        // none to connect with
	LogProxy          // the HTTP proxy can't be connected
	LogSession        // the session file can't be written
	LogTargets        // an admin has left no target for clients
	LogSlots   = 8
)

// Option bits of an assignment.
const (
	OptSticky uint32 = 1 << iota
	OptOrdered
	OptKeepalive
	OptLog           // -l: a syslog record for each session's begin and end
	OptForeground    // errors go to stderr, not to syslog
	OptJSON          // --log-format json
	OptSession       // a session file is open
	OptSessionSocket // the session file is a socket (stdout)
	OptLogSocket     // stderr is a socket
	OptPool          // --mode pool, whatever the capacity
)

// Addr is an address in the shared memory.
type Addr = address.Addr

// Text is a bounded string in the shared memory.
type Text struct {
	Len uint32
	Buf [268]byte // a host name and a port take at most 259
}

// Set stores s, cut to the room there is.
func (t *Text) Set(s string) { t.Len = uint32(copy(t.Buf[:], s)) }

// String returns a copy of the text.
func (t *Text) String() string { return string(t.Buf[:min(t.Len, uint32(len(t.Buf)))]) }

// Target is one slot of the target table.
type Target struct {
	Addr Addr
	Name Text // with -h: "host:port" for the HTTP proxy
	_    [24]byte
}

// Rule admits one network: the first Bits of IP, IPv4 in mapped form (so Bits
// is 96 more than the network's). A rule never admits the other kind.
type Rule struct {
	IP   [16]byte
	Bits uint32
	Kind uint32 // 4 or 6, as in Addr
	_    [8]byte
}

// Zone tells local time without a zone database: Offset seconds east of UTC
// until the Unix second Until, then Next.
type Zone struct {
	Until  atomic.Int64
	Offset atomic.Int32
	Next   atomic.Int32
}

// table says where the elements of a table lie in its memory.
type table struct {
	At, Size, Count uint64
}

// end is where the table ends.
func (t *table) end() uint64 { return t.At + t.Size*t.Count }

// assignmentHead starts the assignment and says where its parts lie: another
// version's are found through it alone.
type assignmentHead struct {
	Magic    uint64
	Version  uint32
	_        uint32
	Size     uint64 // of the whole memory
	Settings table  // one Assignment
	Rules    table
	Targets  table
	_        [160]byte
}

// Assignment is what the master tells its workers before they start, apart from
// rules and targets. It is never changed once a worker has been started. New
// words take their room from the reserve, at its start.
type Assignment struct {
	Options        uint32
	Generation     uint32
	Workers        uint32 // slots: columns of the state
	Capacity       uint32 // sessions at a time of a worker
	Uses           uint32 // sessions in its life; 0 is no limit
	Listeners      uint32 // inherited listening sockets
	RuleCount      uint32
	TargetCount    uint32
	ConnectTimeout uint32 // ms
	CloseTimeout   uint32 // ms
	StickyFor      uint32 // s
	RetryAfter     uint32 // s; 0 is never
	OOMScore       int32  // for /proc/self/oom_score_adj; 0 leaves it
	_              uint32
	AffinityKey    [2]uint64

	Source    Addr // of outgoing connections
	Via       Addr // the HTTP proxy
	SyslogUDP Addr
	Interface Text // of outgoing connections
	Tag       Text // "(port)", or "(addr port)"
	Label     Text // "port", or "addr:port"
	Syslog    Text // path of a datagram socket
	Host      Text // this host's name, for syslog over UDP

	SessionFile Text // its path

	_ [assignmentReserve]byte
}

// Tables are the places of the state's tables. Workers can write the state, so
// each process takes its own copy of them before it uses any.
type Tables struct {
	Workers  uint64 // worker slots
	RowsEach uint64 // rows of each worker slot: its capacity and SpareRows

	TargetStates  table // one Mark for each target slot
	Affinity      table // words
	Columns       table // one Column for each worker slot
	Rows          table // RowsEach rows for each worker slot
	Tallies       table // one Tally for each worker slot
	TargetTallies table // one TargetTally for each target slot
}

// State is what the workers and the master write: this head, and the tables
// that it places.
type State struct {
	Magic      uint64
	Version    uint32
	Generation uint32
	Size       uint64 // of the whole memory
	Tables     Tables
	_          [72]byte

	// What follows is written all the time: it begins a cache line.

	// What the generation's master tells its workers, and a successor that has
	// adopted them too: so it lies here and not in the assignment.
	Gate     atomic.Uint32
	MayBatch atomic.Uint32 // 1 while spares are plenty: doorbells may wait for company
	LogAt    atomic.Uint32 // debug level: 0, 1, 2
	Deaf     atomic.Uint32 // errno with which accept(2) fails in a worker; 0 once a client was accepted
	Zone     Zone
	_        [96]byte

	LogTimes [LogSlots]atomic.Uint64 // ms at which a shortage was last said, by whichever process

	Attention atomic.Uint32 // a doorbell found the pipe full: look at all rows
	_         [60]byte
	Rotation  atomic.Uint64 // slot of the last target taken, plus one
	_         [56]byte
}

// TargetState is what is shared about one target slot.
type TargetState struct {
	Failed   atomic.Uint64 // 0 is good; else the board's ms of the failure, plus one
	Connects atomic.Uint64 // attempts
	Failures atomic.Uint64 // attempts that failed
	Admin    atomic.Uint32 // what an admin wants of it: Enabled, Draining or Disabled
	Errno    atomic.Uint32 // of the last failure

	// What is known of the target, which choosing does not read: the failed mark
	// is taken away from all when all have failed, these words are not.
	Failing     atomic.Uint64 // 0: the last attempt succeeded; else the board's ms of the first that failed since, plus one
	LastFailure atomic.Uint64 // Unix ms of the last attempt that failed; 0 is none
	Looked      atomic.Uint64 // the board's ms when a connection to it was last looked at closely
	_           [72]byte
}

// Column is what one worker counts. Only that worker writes it, and the master
// clears it at the worker's burial.
type Column struct {
	PID          atomic.Uint32
	Live         atomic.Uint32 // sessions now, for the worker's fellows (pool)
	Rows         atomic.Uint32 // rows of this slot that were ever used; stays at a burial
	_            uint32
	Ended        [Outcomes]atomic.Uint64 // sessions by outcome
	BytesIn      atomic.Uint64           // of ended sessions, read from clients
	BytesOut     atomic.Uint64           // of ended sessions, read from targets
	Refused      atomic.Uint64           // by -a
	Redispatches atomic.Uint64
	LinesLost    atomic.Uint64 // session lines given up
	LogsLost     atomic.Uint64 // syslog records dropped
	_            [128]byte
}

// Row is one session's place.
type Row struct {
	word    atomic.Uint64 // owner word: see Word
	In      atomic.Uint64 // bytes read from the client
	Out     atomic.Uint64 // bytes read from the target
	Client  Addr
	Begin   int64         // wall clock, Unix ns
	BeginAt int64         // monotonic, ns
	Outcome atomic.Uint32 // how it ended, with the word ending
	Errno   atomic.Uint32
	Connect atomic.Int64  // monotonic ns when the target was connected; 0 not yet
	Closed  atomic.Int64  // monotonic ns when it ended
	Cause   atomic.Uint32 // a Cause; its stage from the row's first store on
	Counted atomic.Uint32 // 1: it ended and its column has it, but the row still owes its line
	Moved   atomic.Uint64 // the board's ms when the session last moved bytes, either way
	First   atomic.Int64  // monotonic ns of the target's first byte; 0 not yet
	_       [80]byte
}
