package board

import (
	"sync/atomic"

	"daemon/plug/worker/address"
)

// Fixed limits of the layout.
const (
	MaxTargets   = 4096    // slots; a slot never changes once it is published
	MaxRules     = 1024    // -a networks
	Affinities   = 1 << 16 // remembered clients of -f
	affinityWays = 8       // entries a bucket: one cache line
	Outcomes     = 8       // kinds of outcome counted in a column
	Ledger       = 7       // rows of a worker beyond its capacity, for lines that are yet to be written

	magicAssignment = 0x31674153474c5550 // "PLUGSAg1", little endian
	magicState      = 0x31745353474c5550 // "PLUGSSt1"
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
	SayAccept  = iota // no descriptors or memory to accept with
	SayConnect        // none to connect with
	SayProxy          // the HTTP proxy can't be connected
	SaySession        // the session file can't be written
	SayTargets        // an admin has left no target for clients
	Sayings    = 8
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
	OptSyslog        // a syslog socket is open
	OptReuse         // doorbells: the worker may carry other sessions later
	OptSessionSocket // the session file is a socket (stdout)
	OptLogSocket     // stderr is a socket
	OptPool          // --mode pool, whatever the capacity; see Pool
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

// Target is one slot of the assignment. It never changes once it is published.
type Target struct {
	Addr Addr
	Name Text // with -h: "host:port" for the HTTP proxy
}

// Rule admits one network: the first Bits of IP, IPv4 in mapped form (so Bits
// is 96 more than the network's). A rule never admits the other kind.
type Rule struct {
	IP   [16]byte
	Bits uint32
	Kind uint32 // 4 or 6, as in Addr
}

// Zone tells local time without a zone database: Offset seconds east of UTC
// until the Unix second Until, then Next.
type Zone struct {
	Until  atomic.Int64
	Offset atomic.Int32
	Next   atomic.Int32
}

// Assignment is the master's part of the board. It is never changed once a
// worker has been started, but for TargetCount and the slots that it publishes.
type Assignment struct {
	Magic      uint64
	Version    uint32
	Generation uint32
	Size       uint64 // of the whole memory

	RuleAt, RuleSize     uint64 // where the tables lie, and the size of an entry
	TargetAt, TargetSize uint64

	Options        uint32
	Capacity       uint32 // sessions at a time of a worker
	Uses           uint32 // sessions in its life; 0 is without end
	Workers        uint32 // slots: columns of the state
	Listeners      uint32 // inherited listening sockets
	ConnectTimeout uint32 // ms
	StickyFor      uint32 // s
	RetryAfter     uint32 // s; 0 is never
	AffinityKey    [2]uint64

	Source    Addr // of outgoing connections
	Interface Text // of outgoing connections
	Via       Addr // the HTTP proxy
	Tag       Text // "(port)", or "(addr port)"
	Label     Text // "port", or "addr:port"
	Syslog    Text // path of a datagram socket
	SyslogUDP Addr
	Host      Text // this host's name, for syslog over UDP

	SessionFile Text  // its path
	OOMScore    int32 // for /proc/self/oom_score_adj; 0 leaves it

	RuleCount   uint32
	TargetCount atomic.Uint32 // published slots
	RuleTable   [MaxRules]Rule
	TargetTable [MaxTargets]Target
	assignmentMore
}

// assignmentMore is what came after the tables, so that nothing before it has
// moved. The master reads it only on boards of its own version: an older
// assignment may end before it. New words take their room from the reserve, at
// its start.
type assignmentMore struct {
	CloseTimeout uint32 // ms
	_            [252]byte
}

// State starts the state and says where its tables lie.
type State struct {
	Magic      uint64
	Version    uint32
	Generation uint32
	Size       uint64
	Workers    uint32
	Capacity   uint32

	MarkAt, MarkSize     uint64 // one Mark for each target slot
	AffinityAt           uint64 // Affinities words
	ColumnAt, ColumnSize uint64 // one Column for each worker slot
	RowAt, RowSize       uint64 // Rows rows for each worker slot
	Rows                 uint64 // Capacity and Ledger
	TallyAt, TallySize   uint64 // one Tally for each worker slot; 0 where there are none

	TargetTallyAt, TargetTallySize uint64 // one TargetTally for each target slot; 0 where there are none

	// What follows is written all the time: it begins a cache line.

	// What the generation's master tells its workers, and a successor that has
	// adopted them too: so it lies here and not in the assignment.
	Gate   atomic.Uint32
	Plenty atomic.Uint32 // 1 while spares are plenty: doorbells may wait for company
	LogAt  atomic.Uint32 // debug level: 0, 1, 2
	Deaf   atomic.Uint32 // errno with which accept(2) fails in a worker; 0 once a client was accepted
	Zone   Zone
	_      [32]byte

	Said [Sayings]atomic.Uint64 // ms at which a shortage was last said, by whichever process
	_    [(64 - Sayings*8%64) % 64]byte

	Attention atomic.Uint32 // a doorbell found the pipe full: look at all rows
	_         [60]byte
	Rotation  atomic.Uint64 // slot of the last target taken, plus one
	_         [56]byte
}

// Mark is what is shared about one target slot.
type Mark struct {
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
	_           [8]byte
}

// Column is what one worker counts. Only that worker writes it, and the master
// clears it at the worker's burial.
type Column struct {
	PID          atomic.Uint32
	_            uint32
	Ended        [Outcomes]atomic.Uint64 // sessions by outcome
	BytesIn      atomic.Uint64           // of ended sessions, read from clients
	BytesOut     atomic.Uint64           // of ended sessions, read from targets
	Refused      atomic.Uint64           // by -a
	Redispatches atomic.Uint64
	LinesLost    atomic.Uint64 // session lines given up
	LogsLost     atomic.Uint64 // syslog records dropped
	Live         atomic.Uint32 // sessions now, for the worker's fellows (pool)
	Rows         atomic.Uint32 // rows of this slot that were ever used; stays at a burial
	columnMore
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
	Connect atomic.Int64 // monotonic ns when the target was connected; 0 not yet
	Closed  atomic.Int64 // monotonic ns when it ended
	rowMore
	_ [rowSpare]byte
}
