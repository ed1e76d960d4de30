//go:build !portable

// A worker starts without the initialisation that only the master needs.

package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"daemon/plug/worker"
)

// What only the master needs is not initialised in a worker: that would be a quarter of
// its start time. This test's binary links all of it, as plug does, and a worker without
// a slot ends at once.
func TestWorkerBeginsEarly(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{Path: self, Args: []string{worker.Arg0}, Env: []string{"GODEBUG=inittrace=1"}}
	said, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 4 || !strings.Contains(string(said), "started as a worker without a slot") {
		t.Fatalf("%v: %s", err, said)
	}
	done := regexp.MustCompile(`(?m)^init (\S+) @.* clock, (\d+) bytes`).FindAllStringSubmatch(string(said), -1)
	if len(done) < 5 {
		t.Fatalf("no trace of the initialisation: %s", said)
	}
	for _, p := range done {
		if p[2] == "0" { // nothing was initialised; golang.org/x/text/unicode/norm is among those
			continue
		}
		for _, heavy := range []string{"encoding/gob", "net", "regexp", "github.com/", "golang.org/", "daemon/plug/supervisor", "daemon/plug/pidfile"} {
			if p[1] == heavy || strings.HasPrefix(p[1], heavy+"/") || strings.HasSuffix(heavy, "/") && strings.HasPrefix(p[1], heavy) {
				t.Errorf("%s is initialised before a worker begins", p[1])
			}
		}
	}
}
