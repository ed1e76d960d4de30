// A fake plug for these tests.

package metrics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"daemon/plug/supervisor/control"
)

// fake is a plug that answers with the contents of its fields.
type fake struct {
	metrics  control.Metrics
	status   control.Status
	sessions []control.Session
	away     atomic.Pointer[string] // the reason; nil means that it answers
	silent   atomic.Bool            // never answers
	asked    atomic.Int64           // requests for metrics
}

func (f *fake) ask(ctx context.Context, r control.Request, take func(*control.Reply) error) error {
	if f.silent.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if why := f.away.Load(); why != nil {
		return errors.New(*why)
	}
	switch r.Verb {
	case control.GetMetrics:
		f.asked.Add(1)
		first, rest := f.metrics, control.Metrics{}
		first.Targets, rest.Targets = slices.Clone(first.Targets[:1]), first.Targets[1:]
		if err := take(&control.Reply{Metrics: &first}); err != nil {
			return err
		}
		return take(&control.Reply{Metrics: &rest, Done: true})
	case control.GetStatus:
		return take(&control.Reply{Status: &f.status, Done: true})
	case control.GetSessions:
		for batch := range slices.Chunk(f.sessions, control.Batch) {
			if err := take(&control.Reply{Sessions: batch}); err != nil {
				return err
			}
		}
		return take(&control.Reply{Done: true})
	}
	return fmt.Errorf("unexpected verb %q", r.Verb)
}

// plugs returns this plug, as the command line would name it.
func (f *fake) plugs() []*Plug { return []*Plug{{Place: "/run/fake.ctl", Ask: f.ask}} }

func (f *fake) leave(why string) { f.away.Store(&why) }

func (f *fake) back() { f.away.Store(nil) }

// busy returns a plug in which every count is greater than 0.
func busy() *fake {
	f := &fake{
		metrics: control.Metrics{
			Sessions: 3, Accepted: 1234,
			Ended: map[string]map[string]uint64{"complete": {"client": 800, "target": 400}, "unreached": {"target_timeout": 30, "target": 0}, "cut": {"client": 1},
				"admin": {"admin": 0}},
			BytesIn: 5 << 20, BytesOut: 7 << 30, Refused: 12, Redispatches: 4,
			Durations:     control.Histogram{Bounds: []float64{0.01, 0.1, 1}, Counts: []uint64{1000, 200, 30, 1}, Sum: 77.5},
			SessionsLimit: 640, PoolSessionsLimit: 10,
			Targets: []control.Target{
				{Target: "10.0.3.15:80", State: "good", Sessions: 2, Connects: 1000, Failures: 0, In: 5 << 20, Out: 7 << 30,
					ConnectTimes: &control.Histogram{Bounds: []float64{0.001, 0.01}, Counts: []uint64{1200, 30, 1}, Sum: 3.25}},
				{Target: "[2001:db8::1]:80", State: "failed", FailedFor: 12.5, Sessions: 1, Connects: 264, Failures: 30, LastFailure: "connection refused", LastFailureAt: time.UnixMilli(1_700_000_000_250)},
			},
			Workers: map[string]int{"spare": 4, "busy": 3}, Limit: 64,
			Spawns: 50, SpawnFailures: 2, Deaths: control.Exits{Exit: 40, Signals: map[string]uint64{"9": 3, "15": 0}},
			Upgrades: map[string]uint64{"done": 2}, BellOverflows: 5, LinesLost: 6, LinesRetried: 7, RecordsLost: 8, LogLinesLost: 10,
			PidfileWrites: 9, Build: "3.0.0+abc", StartedUnix: 1.7e9, ControlRequests: 11,
			Master: control.Process{Started: 1.8e9, CPU: 1.5, Memory: 20 << 20, OpenFDs: 30, MaxFDs: 1024},
		},
		status: control.Status{
			Label: "80", Mode: "prefork", Phase: "running", PID: 4711, Shepherd: 4710, Build: "3.0.0+abc",
			Started: time.Now().Add(-26 * time.Hour), Since: time.Now().Add(-90 * time.Second), Upgrades: 2,
			Sessions: 3, Accepted: 1234, Workers: map[string]int{"spare": 4, "busy": 3}, Limit: 64, Queue: 2,
			Targets: map[string]int{"good": 1, "failed": 1},
		},
	}
	for i := range 3 {
		f.sessions = append(f.sessions, control.Session{
			ID: fmt.Sprint("s", i), PID: 4720 + i, Client: fmt.Sprintf("10.1.2.3:%d", 40000+i), Target: "10.0.3.15:80",
			State: "relaying", Age: float64(i) * 70, Idle: 0.5, In: 100, Out: 2 << 20, Build: "3.0.0+abc",
		})
	}
	return f
}
