//go:build linux

// Package load is the client side of a measurement: it puts one kind of load
// on an address, checks every byte that comes back, and counts what failed.
// One thread, one event loop, so that little of the machine's time is its own.
package load

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"time"

	"plugdaemon/test/bench/sock"
	"plugdaemon/test/bench/stats"
)

// Kinds of load.
const (
	Short   = "short"   // connect, a message there and back, close
	Request = "request" // messages there and back on kept connections
	Bulk    = "bulk"    // streams from the target to the client
	Idle    = "idle"    // kept connections, silent between a first and a last message
)

// Spec says what load to make.
type Spec struct {
	Kind     string
	Addr     netip.AddrPort
	Clients  int           // at once
	Size     int           // of a message, in bytes
	Duration time.Duration // of the measured part
	Patience time.Duration // how long an operation may take before it has failed
}

// Result is what came of it. Ops, Bytes and Seconds are of the measured part,
// all else is of the whole.
type Result struct {
	Ops      int64   // messages there and back
	Bytes    int64   // received by bulk streams
	Seconds  float64 // from the start to the last answer
	Median   float64 // of an operation with its connect, in µs, as are the next two
	P99      float64
	Max      float64
	Sessions int64            // connections that were established
	Failed   int64            // operations and connections that went wrong
	Reasons  map[string]int64 // why, with how often
}

// run is the state that the kinds share.
type run struct {
	Spec
	poll    *sock.Epoll
	start   time.Time
	all     []*client
	busy    int    // clients with a message on its way
	seq     uint64 // of the last message
	latency stats.Histogram
	res     Result
}

// kind is what one kind of load does at each step with the caller.
type kind interface {
	prepare(*run)
	measure(*run)
	finish(*run)
}

var kinds = map[string]kind{Short: short{}, Request: request{}, Bulk: &bulk{}, Idle: idle{}}

// Serve makes the load that spec describes, in steps with the caller: it
// warms up, writes "ready", waits for a line, makes the load, writes the
// result as one line of JSON, waits for the end of in, and closes what it
// holds.
func Serve(spec Spec, in io.Reader, out io.Writer) error {
	poll, err := sock.NewEpoll()
	if err != nil {
		return err
	}
	r := &run{Spec: spec, poll: poll, start: time.Now(), res: Result{Reasons: map[string]int64{}}}
	for i := range spec.Clients {
		r.all = append(r.all, &client{tag: i, fd: -1, out: make([]byte, spec.Size), in: make([]byte, spec.Size)})
	}
	kind, ok := kinds[spec.Kind]
	if !ok {
		return fmt.Errorf("no kind of load is called %q", spec.Kind)
	}
	kind.prepare(r)
	fmt.Fprintln(out, "ready")
	lines := bufio.NewReader(in)
	if _, err := lines.ReadString('\n'); err != nil {
		return nil
	}
	r.latency = stats.Histogram{}
	r.res.Ops, r.res.Bytes = 0, 0
	start := r.now()
	kind.measure(r)
	r.res.Seconds = (r.now() - start).Seconds()
	r.res.Median, r.res.P99, r.res.Max = r.latency.At(0.5), r.latency.At(0.99), r.latency.At(1)
	if err := json.NewEncoder(out).Encode(r.res); err != nil {
		return err
	}
	io.Copy(io.Discard, lines)
	kind.finish(r)
	return nil
}

func (r *run) now() time.Duration { return time.Since(r.start) }

// fail counts one failure under a reason.
func (r *run) fail(reason string) {
	r.res.Failed++
	r.res.Reasons[reason]++
}
