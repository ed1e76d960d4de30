//go:build linux

// Package load is the client side of a measurement: it makes one kind of load
// at an address, checks every byte that comes back, and counts failures. It
// has one thread and one event loop, so that it uses little of the machine's
// time itself.
package load

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"time"

	"daemon/plug/test/bench/sock"
	"daemon/plug/test/bench/stats"
)

// Kinds of load.
const (
	Short   = "short"   // connect, a message there and back, close
	Rate    = "rate"    // the same at a constant rate, Clients per second
	Burst   = "burst"   // connects all at once, each held until the last has its answer
	Request = "request" // messages there and back on kept connections
	Bulk    = "bulk"    // streams from the target to the client
	Duplex  = "duplex"  // streams both ways at once
	Idle    = "idle"    // kept connections, silent between a first and a last message
)

// Spec describes a load.
type Spec struct {
	Kind     string
	Addr     netip.AddrPort
	Clients  int           // at the same time
	Size     int           // of a message, in bytes
	Duration time.Duration // of the measured part
	Patience time.Duration // how long an operation may take before it has failed
	// Lone is the interval of one more client of kind Short, which connects
	// whatever the others do; 0: there is none.
	Lone time.Duration
}

// Result is the result of a measured part. Sessions, Failed and Reasons cover
// everything until its end.
type Result struct {
	Ops     int64   // messages there and back
	Bytes   int64   // of streams, in both directions
	Seconds float64 // from the start to the last answer
	// OnTime is how many of Ops ended within Planned, in seconds: what a
	// closed loop does in a given time, although its last answer may come long
	// after that.
	OnTime   int64
	Planned  float64
	Median   float64 // of an operation with its connect, in µs, like the next three
	P99      float64
	Max      float64
	LoneMax  float64          // of the lone client
	Sessions int64            // connections that were established
	Failed   int64            // operations and connections that went wrong
	Reasons  map[string]int64 // how often, by reason
}

// run is the state that all kinds share.
type run struct {
	Spec
	poll    *sock.Epoll
	start   time.Time
	all     []*client
	lone    *client       // not in all; nil: none
	busy    int           // clients with a pending message
	end     time.Duration // of a closed loop's cycle
	seq     uint64        // of the last message
	latency stats.Histogram
	res     Result
}

// kind is what one kind of load does at each step of the caller.
type kind interface {
	prepare(*run)
	measure(*run)
	finish(*run)
}

var kinds = map[string]kind{
	Short: short{}, Rate: rate{}, Burst: burst{}, Request: request{},
	Bulk: &bulk{}, Duplex: &bulk{both: true}, Idle: idle{},
}

// More is the command for one more part of the load before it.
const More = "more"

// Serve makes the load that spec describes, step by step with the caller: it
// warms up and writes "ready"; for each line that it reads it makes the load
// and writes the result as one line of JSON, for this load only, or with More
// for this and the previous ones; at the end of in it closes its connections.
func Serve(spec Spec, in io.Reader, out io.Writer) error {
	poll, err := sock.NewEpoll()
	if err != nil {
		return err
	}
	r := &run{Spec: spec, poll: poll, start: time.Now(), res: Result{Reasons: map[string]int64{}}}
	for i := range spec.Clients {
		r.all = append(r.all, newClient(i, spec.Size))
	}
	if spec.Lone > 0 {
		r.lone = newClient(spec.Clients, spec.Size)
	}
	kind, ok := kinds[spec.Kind]
	if !ok {
		return fmt.Errorf("no kind of load is called %q", spec.Kind)
	}
	kind.prepare(r)
	fmt.Fprintln(out, "ready")
	for lines := bufio.NewScanner(in); lines.Scan(); {
		if lines.Text() != More {
			r.latency = stats.Histogram{}
			r.res.Ops, r.res.Bytes, r.res.Seconds, r.res.LoneMax = 0, 0, 0, 0
			r.res.OnTime, r.res.Planned = 0, 0
		}
		start := r.now()
		kind.measure(r)
		r.res.Seconds += (r.now() - start).Seconds()
		r.res.Median, r.res.P99, r.res.Max = r.latency.At(0.5), r.latency.At(0.99), r.latency.At(1)
		if err := json.NewEncoder(out).Encode(r.res); err != nil {
			return err
		}
	}
	kind.finish(r)
	return nil
}

// plan sets the end of a closed loop's cycle.
func (r *run) plan(d time.Duration) {
	r.res.Planned += d.Seconds()
	r.end = r.now() + d
}

func (r *run) now() time.Duration { return time.Since(r.start) }

// fail counts one failure under a reason.
func (r *run) fail(reason string) {
	r.res.Failed++
	r.res.Reasons[reason]++
}
