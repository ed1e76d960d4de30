// How a worker is started: its arguments, environment and descriptors, used by the
// master, which passes them, and by the worker, which finds them.

package worker

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"daemon/plug/worker/board"
	"daemon/plug/worker/kernel"
)

// The descriptors of a worker, in the order in which the master passes them. The worker
// owns its copies; 0 to 2 are the master's own.
const (
	FDLifeline   = 3 // socket pair with the master
	FDReport     = 4 // write end of the report pipe
	FDAssignment = 5 // board, read-only part
	FDState      = 6 // board, writable part
	FDSession    = 7 // session file, append-only; closed without -S
	FDSyslog     = 8 // datagram socket, not connected; closed without syslog
	FDListener   = 9 // the first of the listeners
)

// Arg0 distinguishes a worker from any other start of the binary.
const Arg0 = "plug: worker"

// titleRoom is the space in argv that is reserved for titles: a source, a client and a
// target of maximum length.
const titleRoom = 160

// Args is the argv of the worker in a slot, with the numbers of the listeners that it
// inherits and the space for its titles.
func Args(slot int, listeners []uint32) []string {
	pad := make([]byte, titleRoom)
	for i := range pad {
		pad[i] = ' '
	}
	var numbers []byte
	for i, n := range listeners {
		if i > 0 {
			numbers = append(numbers, ',')
		}
		numbers = strconv.AppendUint(numbers, uint64(n), 10)
	}
	return []string{Arg0, strconv.Itoa(slot), string(numbers), string(pad)}
}

// inherited reads the listeners' numbers from argv. Their descriptors are FDListener and
// those after it.
func inherited(text string) (all []uint32, err error) {
	for len(text) > 0 {
		end := 0
		for end < len(text) && text[end] != ',' {
			end++
		}
		n, err := strconv.ParseUint(text[:end], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("listeners %q: not numbers", text)
		}
		all, text = append(all, uint32(n)), text[min(end+1, len(text)):]
	}
	return all, nil
}

// Env is a worker's whole environment: its Go runtime uses one processor, keeps no cgroup
// files open, and sends itself no preemption signals, which would share out time that
// nothing else needs. A worker of one session makes hardly any garbage, unless it has the
// portable engine: nothing is collected until there is a lot of it, because Go's
// collection every two minutes would wake thousands of idle processes.
func Env(pool bool) []string {
	env := []string{"GOMAXPROCS=1", "GODEBUG=containermaxprocs=0,updatemaxprocs=0,asyncpreemptoff=1"}
	if !pool && !garbage {
		env = append(env, "GOGC=off", "GOMEMLIMIT=32MiB")
	}
	return env
}

// attach finds the slot in argv and maps the board.
func attach() (*worker, error) {
	if len(os.Args) < 3 {
		return nil, errors.New("started as a worker without a slot or listeners")
	}
	slot, err := strconv.Atoi(os.Args[1])
	if err != nil {
		return nil, fmt.Errorf("slot %q is not a number", os.Args[1])
	}
	numbers, err := inherited(os.Args[2])
	if err != nil {
		return nil, err
	}
	b, err := board.Open(FDAssignment, FDState)
	if err != nil {
		return nil, err
	}
	if slot < 0 || slot >= int(b.Assignment.Workers) {
		return nil, fmt.Errorf("slot %d does not exist; the board has %d", slot, b.Assignment.Workers)
	}
	w := &worker{
		board:  b,
		slot:   slot,
		pool:   b.Assignment.Pool(),
		most:   lifetime(b.Assignment.Uses, slot),
		pid:    os.Getpid(),
		column: b.Column(slot),
		tally:  b.Tally(slot),
		tag:    b.Assignment.Tag.String(),
		label:  b.Assignment.Label.String(),
	}
	for i, n := range numbers {
		w.listeners = append(w.listeners, inheritedListener{n, FDListener + i})
	}
	w.column.Epoch.Store(b.Assignment.Epoch)
	w.column.PID.Store(uint32(w.pid))
	w.clock.start(kernel.Monotonic)
	w.records.init(w)
	return w, nil
}
