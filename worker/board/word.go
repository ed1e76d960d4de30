// A row's owner word, which says whether the row is free, live or ending, and
// consistent copies (snapshots) of a row.

package board

// RowState is the first part of a row's word.
type RowState uint8

const (
	RowFree   RowState = iota // next: live
	RowLive                   // carries a session; next: ending
	RowEnding                 // outcome and counts are stored, its line is being written; next: free
)

// Word is a row's owner word: state (8 bits), target slot (16), and how many
// sessions the row has carried before (40). The store that frees the row also
// counts its session.
type Word uint64

// MakeWord puts a word together.
func MakeWord(state RowState, target uint16, epoch uint64) Word {
	return Word(state)<<56 | Word(target)<<40 | Word(epoch&(1<<40-1))
}

// State is the row's state.
func (w Word) State() RowState { return RowState(w >> 56) }

// Target is the target slot of the session, or NoTarget before it has chosen
// one.
func (w Word) Target() uint16 { return uint16(w >> 40) }

// Epoch is how many sessions the row has carried before.
func (w Word) Epoch() uint64 { return uint64(w) & (1<<40 - 1) }

// NoTarget is the slot of a session that has not chosen yet.
const NoTarget = 0xffff

// Word reads the row's word.
func (r *Row) Word() Word { return Word(r.word.Load()) }

// Hold publishes a new session; the rest of the row must be stored before.
func (r *Row) Hold() {
	r.word.Store(uint64(MakeWord(RowLive, NoTarget, r.Word().Epoch())))
}

// Choose stores the session's target.
func (r *Row) Choose(target uint16) {
	r.word.Store(uint64(MakeWord(RowLive, target, r.Word().Epoch())))
}

// End publishes the outcome: after this, only the session line is missing.
func (r *Row) End() {
	w := r.Word()
	r.word.Store(uint64(MakeWord(RowEnding, w.Target(), w.Epoch())))
}

// Free frees the row and counts its session.
func (r *Row) Free() {
	r.word.Store(uint64(MakeWord(RowFree, NoTarget, r.Word().Epoch()+1)))
}

// Snapshot is a consistent copy of a row.
type Snapshot struct {
	Word    Word
	In, Out uint64
	Client  Addr
	Begin   int64
	BeginAt int64
	Outcome uint32
	Errno   uint32
	Connect int64
	Closed  int64
	Cause   Cause
	Moved   uint64
	First   int64
}

// Snapshot copies the row; ok is false if its owner changed it meanwhile, or
// if it is free.
func (r *Row) Snapshot(s *Snapshot) (ok bool) {
	before := r.Word()
	if before.State() == RowFree {
		return false
	}
	*s = Snapshot{Word: before, In: r.In.Load(), Out: r.Out.Load(), Client: r.Client,
		Begin: r.Begin, BeginAt: r.BeginAt, Outcome: r.Outcome.Load(), Errno: r.Errno.Load(),
		Connect: r.Connect.Load(), Closed: r.Closed.Load(), Cause: Cause(r.Cause.Load()), Moved: r.Moved.Load(), First: r.First.Load()}
	after := r.Word()
	return after.State() != RowFree && after.Epoch() == before.Epoch()
}
