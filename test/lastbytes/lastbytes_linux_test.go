// TestLastBytes: the same scenarios directly and through a plug.

package lastbytes

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// Scenarios in which plug has lost bytes. Each is played in both directions.
var lastBytesLost = []scenario{
	{name: "urgent byte in a bulk transfer, then the end",
		client: part{acts: []step{{sends, 128 << 10}, {rests, 0}, {urges, 1}, {sends, 5}}}},
	{name: "urgent byte in a bulk transfer that goes on",
		client: part{acts: []step{{sends, 128 << 10}, {rests, 0}, {urges, 1}, {sends, 5 << 20}, {gets, 1}}},
		target: part{acts: []step{{gets, 128<<10 + 1 + 5<<20}, {sends, 1}}}},
	{name: "telnet's interrupt, then a command",
		client: part{acts: []step{{urges, 3}, {sends, 7}, {gets, 1}}},
		target: part{acts: []step{{gets, 10}, {sends, 1}}}},
	{name: "a message that is acknowledged, then a reset",
		client: part{acts: []step{{sends, 10}, {acked, 0}, {resets, 0}}, reads: intake{never: true}}},
	{name: "a reset after the last byte, to a slow reader",
		client: part{acts: []step{{sends, 3_000_000}, {acked, 0}, {resets, 0}}, reads: intake{never: true}},
		target: part{reads: intake{piece: 64 << 10, pause: 10 * time.Millisecond}}},
	{name: "last words before a reset",
		client: part{acts: []step{{sends, 40}, {resets, 0}}, reads: intake{never: true}}},
	{name: "a refusal while the other side sends",
		client: part{acts: []step{{gets, 1000}, {sends, 400}, {acked, 0}, {closes, 0}}, reads: intake{piece: 1000, pause: 10 * time.Millisecond}},
		target: part{acts: []step{{sends, mostSent}}}},
	{name: "a refusal at once, of which nothing is read",
		client: part{acts: []step{{sends, 400}, {acked, 0}, {closes, 0}}, reads: intake{never: true}},
		target: part{acts: []step{{sends, mostSent}}}},
}

func TestLastBytesThatWereLost(t *testing.T) {
	t.Parallel()
	var scenarios []scenario
	for i := range harness.Scaled(50, 2) {
		for _, s := range lastBytesLost {
			s.seed = uint64(i)
			other := s
			s.name = "client: " + s.name
			other.name = "target: " + other.name
			other.client, other.target = s.target, s.client
			scenarios = append(scenarios, s, other)
		}
	}
	everyWay(t, scenarios)
}

// lanes is how many scenarios are played at a time.
const lanes = 4

// A plug delivers what a direct connection delivers, byte for byte, and then
// the same end, and its session line has the number of delivered bytes. The
// scenarios come from a seed, and each is also played on a direct connection,
// to test the judge.
func TestLastBytes(t *testing.T) {
	t.Parallel()
	seed := harness.SeedOf(t)
	n := 60
	if harness.Soak() {
		n = 10_000
	}
	scenarios := make([]scenario, n)
	for i := range scenarios {
		scenarios[i] = scenarioOf(seed + uint64(i))
	}
	everyWay(t, scenarios)
}

// everyWay plays scenarios on a direct connection, and through a plug in every
// mode and with both engines.
func everyWay(t *testing.T, scenarios []scenario) {
	t.Run("direct", func(t *testing.T) {
		playAll(t, scenarios, func(t *testing.T) *lane { return openLane(t) })
	})
	forEachEngine(t, func(t *testing.T, mode string, start func(testing.TB, string, ...string) *harness.Plug) {
		playAll(t, scenarios, func(t *testing.T) *lane {
			l := openLane(t)
			return l.through(start(t, mode, l.to))
		})
	})
}

// tooMany failed scenarios end the test: the rest would show nothing new.
const tooMany = 10

// playAll plays scenarios on lanes, and fails with what is wrong.
func playAll(t *testing.T, scenarios []scenario, open func(*testing.T) *lane) {
	next := make(chan scenario)
	var all sync.WaitGroup
	var faulty atomic.Int64
	for range min(lanes, len(scenarios)) {
		l := open(t)
		all.Go(func() {
			for s := range next {
				if found := l.play(s); len(found) > 0 {
					t.Errorf("%v\n\t%s", s, strings.Join(found, "\n\t"))
					faulty.Add(1)
				}
			}
		})
	}
	for i, s := range scenarios {
		if faulty.Load() >= tooMany {
			t.Errorf("%d scenarios were not played", len(scenarios)-i)
			break
		}
		next <- s
	}
	close(next)
	all.Wait()
}

// forEachEngine runs f as a subtest in every mode with the tested plug, and
// then with the portable engine, if that is another one.
func forEachEngine(t *testing.T, f func(t *testing.T, mode string, start func(testing.TB, string, ...string) *harness.Plug)) {
	harness.ForEachMode(t, func(t *testing.T, mode string) { f(t, mode, harness.Start) })
	if harness.IsPortable() || os.Getenv("PLUG_BIN") != "" {
		return
	}
	binary := harness.BuildOnce(t, "portable", nil, "-tags", "portable", "daemon/plug/cmd/plug")
	for _, mode := range harness.Modes {
		t.Run("portable/"+mode, func(t *testing.T) {
			f(t, mode, func(t testing.TB, mode string, args ...string) *harness.Plug {
				t.Helper()
				p := harness.Prepare(t, mode, args...)
				p.Bin = filepath.Join(p.Dir, "portable")
				if err := harness.CopyFile(binary, p.Bin); err != nil {
					t.Fatal(err)
				}
				p.Foreground()
				return p
			})
		})
	}
}
