// A generation: its board and report pipe are made here; assign.go writes the
// configuration to the board.

package supervisor

import (
	"fmt"
	"iter"

	"golang.org/x/sys/unix"

	"daemon/plug/supervisor/config"
	"daemon/plug/supervisor/host"
	"daemon/plug/worker/board"
	"daemon/plug/worker/board/memory"
)

// generation is the workers of one binary version and configuration, with their
// board and report pipe. All descriptors here are the master's own.
type generation struct {
	plug       *plug  // that it belongs to
	number     uint32 // unique among all plugs
	build      string // version of the program that its workers run
	board      *board.Board
	assignment int // memfd
	state      int // memfd
	report     int // read end of the report pipe, in the watcher
	bell       int // its write end, passed on to workers; -1 in an adopted generation, which starts none

	names  []string // of its targets, by slot, as far as they have been requested
	goneAt []uint32 // by slot: the first epoch without its target; 0 if it has one, or never had
	moved  []int    // by slot: the same target's slot in the current generation, or -1; nil in the current one
	slots  []*child // by worker slot
	free   []int    // slots without a worker; the last one is used next
}

// newGeneration makes a generation with a closed gate.
func newGeneration(number uint32, process *config.Process, cfg *config.Plug, workers, capacity, listeners int) (*generation, error) {
	g := &generation{number: number}
	var err error
	g.board, g.assignment, g.state, err = memory.New(board.Shape{
		Generation: number, Workers: uint32(workers), Capacity: uint32(capacity)})
	if err != nil {
		return nil, err
	}
	if err := assignFirst(g.board, process, cfg, listeners); err != nil {
		return nil, err
	}
	if err := memory.Seal(g.assignment, g.state); err != nil {
		return nil, fmt.Errorf("board: seal: %w", err)
	}
	var fds [2]int
	if err := host.Pipe(fds[:]); err != nil {
		return nil, fmt.Errorf("report pipe: %w", err)
	}
	g.report, g.bell = fds[0], fds[1]
	g.slots = make([]*child, workers)
	for i := workers - 1; i >= 0; i-- {
		g.free = append(g.free, i)
	}
	return g, nil
}

// rows yields those rows of a worker slot that have ever been used. The others are
// not read, because even reading would make the kernel allocate memory for them.
func (g *generation) rows(slot int) iter.Seq[*board.Row] {
	used := min(uint64(g.board.Column(slot).Rows.Load()), g.board.Tables.RowsEach)
	return func(yield func(*board.Row) bool) {
		for i := range int(used) {
			if !yield(g.board.Row(slot, i)) {
				return
			}
		}
	}
}

// carries reports whether the worker in a slot has a session.
func (g *generation) carries(slot int) bool {
	for row := range g.rows(slot) {
		if row.Word().State() == board.RowLive {
			return true
		}
	}
	return false
}

// sessionsOf returns how many sessions the rows of a slot have carried and
// released.
func (g *generation) sessionsOf(slot int) (n uint64) {
	for row := range g.rows(slot) {
		n += row.Word().Epoch()
	}
	return n
}

// owing returns how many rows of a slot belong to ended sessions that were counted
// but whose lines are not written yet.
func (g *generation) owing(slot int) (n uint64) {
	for row := range g.rows(slot) {
		if row.Word().State() == board.RowEnding && row.Counted.Load() != 0 {
			n++
		}
	}
	return n
}

// label is the name of the plug that its workers serve, in session lines and
// titles.
func (g *generation) label() string { return g.board.Assignment.Label.String() }

// tag is what its workers' syslog records begin with.
func (g *generation) tag() string { return g.board.Assignment.Tag.String() }

// options reports whether all of these options (board.Opt…) are set for its
// workers.
func (g *generation) options(all uint32) bool { return g.board.Assignment.Options&all == all }

// targets returns the names of the generation's targets, by slot. Slots never
// change.
func (g *generation) targets() []string {
	for n := int(g.board.Assignment.TargetCount); len(g.names) < n; {
		g.names = append(g.names, g.board.Target(len(g.names)).Name.String())
	}
	return g.names
}

// close closes the generation's descriptors; it must have no workers left.
func (g *generation) close() {
	for _, fd := range []int{g.assignment, g.state, g.report, g.bell} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	g.board.Close()
}
