// The layout of the two memories, word by word. Each version's offsets are
// fixed
// (see golden_test.go); a new word takes its room from a reserve.

package board

import (
	"sync/atomic"

	"daemon/plug/worker/address"
)

// Limits of the layout that are the same in every version.
const (
	Outcomes     = 8 // kinds of outcome counted in a column
	SpareRows    = 7 // rows of a worker beyond its capacity, for unwritten session lines
	affinityWays = 8 // entries per bucket: one cache line

	magicAssignment = 0x32674153474c5550 // "PLUGSAg2", little endian
	magicState      = 0x32745353474c5550 // "PLUGSSt2"
)

// Gate values. Only the master writes them.
const (
	GateClosed   uint32 = iota // not yet open: the generation waits for its commit
	GateOpen                   // accept clients
	GatePaused                 // TTOU: leave clients in the kernel's queue
	GateDraining               // final: finish the current sessions, accept no new ones
)

// Messages that one process logs for all processes of a plug.
const (
	LogAccept  = iota // no descriptors or memory to accept with
	LogConnect        // no descriptors or memory to connect with
	LogProxy          // the HTTP proxy can't be connected
	LogSession        // the session file can't be written
	LogTargets        // an admin has disabled or is draining all targets
	LogSlots   = 8
)

// Option bits of an assignment.
const (
	OptSticky uint32 = 1 << iota
	OptOrdered
	OptKeepalive
	OptLog           // -l: a syslog record for each session's start and end
	OptForeground    // errors go to stderr, not to syslog
	OptJSON          // --log-format json
	OptSession       // a session file is open
	OptSessionSocket // the session file is a socket (stdout)
	OptLogSocket     // stderr is a socket
	OptPool          // --mode pool, whatever the capacity
	OptLingerReset   // a timer's end resets both sides at once
	OptLifetimeReset // that of the lifetime does
)

// FirstByteOf says whose first byte the first-byte timer waits for.
const (
	OfAny uint32 = iota
	OfClient
	OfTarget
)

// Addr is an address, as the shared memory stores it.
type Addr = address.Addr

// Text is a string of limited length, as the shared memory stores it.
type Text struct {
	Len uint32
	Buf [268]byte // a host name and a port take at most 259
}

// Set stores s, truncated to the size of Buf.
func (t *Text) Set(s string) { t.Len = uint32(copy(t.Buf[:], s)) }

// String returns a copy of the text.
func (t *Text) String() string { return string(t.Buf[:min(t.Len, uint32(len(t.Buf)))]) }

// Target is one slot of the target table.
type Target struct {
	Addr Addr
	Name Text   // with -h: "host:port" for the HTTP proxy
	Gone uint32 // 1: it was removed, and only sessions that it had before still use it
	_    [20]byte
}

// Rule admits one network: the first Bits bits of IP. IPv4 networks are in
// mapped form, so their Bits is 96 more than the network's own. A rule never
// admits addresses of the other family.
type Rule struct {
	IP   [16]byte
	Bits uint32
	Kind uint32 // 4 or 6, as in Addr
	_    [8]byte
}

// Zone gives local time without a zone database: Offset seconds east of UTC
// until the Unix second Until, then Next.
type Zone struct {
	Until  atomic.Int64
	Offset atomic.Int32
	Next   atomic.Int32
}

// table is where the elements of a table lie in its memory.
type table struct {
	At, Size, Count uint64
}

// end is where the table ends.
func (t *table) end() uint64 { return t.At + t.Size*t.Count }

// assignmentHead is the start of the assignment and says where its parts lie.
// The parts of another version's assignment are found only through it.
type assignmentHead struct {
	Magic    uint64
	Version  uint32
	_        uint32
	Size     uint64 // of the whole memory
	Settings table  // one Assignment
	Rules    table
	Targets  table
	Order    table // target slots, in the order of the rotation; since version 6
	_        [136]byte
}

// Assignment is what the master sets for its workers, except for rules and
// targets. It never changes: what workers follow later is another assignment with
// the next epoch. New words take their room from the start of the reserve.
type Assignment struct {
	Options        uint32
	Generation     uint32
	Workers        uint32 // slots: columns of the state
	Capacity       uint32 // sessions per worker at a time
	Uses           uint32 // sessions in a worker's life; 0 is no limit
	Listeners      uint32 // inherited listening sockets; workers don't read it since version 6
	RuleCount      uint32
	TargetCount    uint32
	ConnectTimeout uint32 // ms
	CloseTimeout   uint32 // ms
	StickyFor      uint32 // s
	RetryAfter     uint32 // s; 0 is never
	OOMScore       int32  // for /proc/self/oom_score_adj; 0 leaves it
	Epoch          uint32 // counts the assignments of the generation
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

	OrderCount uint32 // places of the rotation; 0: all targets in the order of their slots
	_          uint32

	// The timers of a session, in ms; 0 is none.
	IdleTimeout       uint32
	FirstByteTimeout  uint32
	HalfClosedTimeout uint32
	Lifetime          uint32
	LifetimeJitter    uint32 // percent by which a session's lifetime may be longer
	NegotiateTimeout  uint32 // 0 is ConnectTimeout
	Linger            uint32 // 0 is CloseTimeout
	FirstByteOf       uint32 // OfAny, OfClient or OfTarget

	// Options of the sockets to targets; those of clients' sockets come with the
	// listener. 0 leaves the system's value.
	KeepaliveIdle  uint32 // s
	KeepaliveEvery uint32 // s
	KeepaliveCount uint32
	UserTimeout    uint32 // ms
	DSCP           uint32 // 0 to 63

	_ uint32
	_ [assignmentReserve]byte
}

// Tables says where the state's tables lie. Workers can write the state, so
// each process makes its own copy of this before it uses a table.
type Tables struct {
	Workers  uint64 // worker slots
	RowsEach uint64 // rows of each worker slot: its capacity and SpareRows

	TargetStates  table // one TargetState for each target slot
	Affinity      table // words
	Columns       table // one Column for each worker slot
	Rows          table // RowsEach rows for each worker slot
	Tallies       table // one Tally for each worker slot
	TargetTallies table // one TargetTally for each target slot
}

// State is what the workers and the master write: this head, and the tables
// whose places it gives.
type State struct {
	Magic      uint64
	Version    uint32
	Generation uint32
	Size       uint64 // of the whole memory
	Tables     Tables
	_          [72]byte

	// The words from here on are written often: they start a cache line.

	// The master's instructions to running workers. A successor that has
	// adopted the workers writes them too, so they lie here and not in the
	// assignment.
	Gate     atomic.Uint32
	MayBatch atomic.Uint32 // 1 while there are plenty of spares: workers may send doorbells in batches
	LogAt    atomic.Uint32 // debug level: 0, 1, 2
	Deaf     atomic.Uint32 // errno with which accept(2) fails in a worker; 0 once a client was accepted
	Zone     Zone
	Epoch    atomic.Uint32 // of the valid assignment
	_        [92]byte

	LogTimes [LogSlots]atomic.Uint64 // ms at which each message was last logged, by any process

	Attention atomic.Uint32 // a doorbell found the pipe full: check all rows
	_         [60]byte
	Rotation  atomic.Uint64 // place of the last target taken, plus one
	_         [56]byte
}

// TargetState is the shared state of one target slot.
type TargetState struct {
	Failed   atomic.Uint64 // 0 is good; else the board's ms of the failure, plus one
	Connects atomic.Uint64 // attempts
	Failures atomic.Uint64 // attempts that failed
	Admin    atomic.Uint32 // set by an admin: Enabled, Draining or Disabled
	Errno    atomic.Uint32 // of the last failure

	// Facts about the target that Choose does not read: when all targets have
	// failed, their failed marks are cleared, but these words are not.
	Failing     atomic.Uint64 // 0: the last attempt succeeded; else the board's ms of the first that failed since, plus one
	LastFailure atomic.Uint64 // Unix ms of the last attempt that failed; 0 is none
	Looked      atomic.Uint64 // the board's ms when a connection to it was last sampled
	_           [72]byte
}

// Column holds one worker's counts. Only that worker writes it, and the master
// clears it when it buries the worker.
type Column struct {
	PID          atomic.Uint32
	Live         atomic.Uint32           // sessions now; the other workers read it (pool)
	Rows         atomic.Uint32           // rows of this slot that were ever used; kept at a burial
	Epoch        atomic.Uint32           // of the assignment that the worker follows
	Ended        [Outcomes]atomic.Uint64 // sessions by outcome
	BytesIn      atomic.Uint64           // of ended sessions, read from clients
	BytesOut     atomic.Uint64           // of ended sessions, read from targets
	Refused      atomic.Uint64           // by -a
	Redispatches atomic.Uint64
	LinesLost    atomic.Uint64 // session lines that were given up
	LogsLost     atomic.Uint64 // syslog records dropped
	_            [128]byte
}

// Row is the record of one session.
type Row struct {
	word    atomic.Uint64 // owner word: see Word
	In      atomic.Uint64 // bytes read from the client
	Out     atomic.Uint64 // bytes read from the target
	Client  Addr
	Begin   int64         // wall clock, Unix ns
	BeginAt int64         // monotonic, ns
	Outcome atomic.Uint32 // how it ended, stored before the word says ending
	Errno   atomic.Uint32
	Connect atomic.Int64  // monotonic ns when the target was connected; 0 before that
	Closed  atomic.Int64  // monotonic ns when it ended
	Cause   atomic.Uint32 // a Cause; its stage is set from the row's first store on
	Counted atomic.Uint32 // 1: it ended and is in its column, but its line is still unwritten
	Moved   atomic.Uint64 // the board's ms when the session last moved bytes, either way
	First   atomic.Int64  // monotonic ns of the target's first byte; 0 not yet
	_       [80]byte
}
