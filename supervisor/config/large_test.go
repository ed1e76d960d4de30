// Tests of a large file and of unusual texts.

package config

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// large is a file of 1 MiB as an admin writes it: as many plugs as there may be, with a
// remark on each.
func large() string {
	var b strings.Builder
	b.WriteString("defaults {\n  spares = \"0:8\"\n}\n")
	for i := range MaxPlugs {
		fmt.Fprintf(&b, `
# %s
plug "p%d" {
  listen          = ["127.0.0.1:%d", %d]
  allow           = ["10.0.0.0/8", "192.0.2.0/24"] # the offices
  sticky          = true
  mode            = "pool"
  retry-after     = "30s"
  connect-timeout = 2
  target "10.0.%d.1:8080" {
    name = "one"
  }
  target "10.0.%d.2:8080" {
    name = "two"
  }
  keepalive {
    idle  = "60s"
    every = "10s"
    count = 6
  }
  idle-timeout = "15m"
}
`, strings.Repeat("who asked for it, and why. ", 23), i, 2000+i, 10000+i, i%250, i%250)
	}
	return b.String()
}

// A file of 1 MiB is checked within 200 ms of a processor that does nothing else.
func TestLargeFile(t *testing.T) {
	f, best := &Files{Paths: []string{"large.hcl"}, text: large()}, time.Hour
	if len(f.text) < 1<<20 {
		t.Fatalf("%d bytes; expected 1 MiB", len(f.text))
	}
	for range 5 {
		begun := cpuTime(t)
		if l := f.Load(house(0)); l.Config == nil {
			t.Fatal(l.Complaints())
		}
		best = min(best, cpuTime(t)-begun)
	}
	t.Logf("%d bytes in %v", len(f.text), best)
	if limit := slowdown * time.Second; best > limit { // other processes disturb the caches
		t.Errorf("%d bytes took %v", len(f.text), best)
	}
}

// cpuTime is what this process has used of the processors.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func BenchmarkLoad(b *testing.B) {
	f := &Files{Paths: []string{"large.hcl"}, text: large()}
	b.SetBytes(int64(len(f.text)))
	for b.Loop() {
		if l := f.Load(house(0)); l.Config == nil {
			b.Fatal(l.First())
		}
	}
}

// FuzzLoad: no text makes the loader panic, nothing unprintable reaches a terminal, and the
// dump of what is right is right, too.
func FuzzLoad(f *testing.F) {
	f.Add(example, false)
	f.Add(`{"plug": {"a": {"listen": [1], "targets": ["10.0.3.15"], "session-log": "$${x"}}}`, true)
	_, all := readBroken(f)
	for _, one := range all {
		f.Add(one.text, strings.HasSuffix(one.name, ".json"))
	}
	f.Fuzz(func(t *testing.T, text string, json bool) {
		name := map[bool]string{true: "a.json", false: "a.hcl"}[json]
		l := loadText(name, text)
		if strings.ContainsAny(l.Complaints(), "\x1b\x00\r") {
			t.Errorf("%q", l.Complaints())
		}
		if l.Config == nil {
			return
		}
		dump := l.Dump()
		again := loadText("b.hcl", dump)
		if again.Config == nil || again.Dump() != dump {
			t.Errorf("%s\nof the dump\n%s", again.Complaints(), dump)
		}
	})
}
