// Command demo runs the real plug on targets of its own and shows what an
// admin sees: the daemon, its sessions' processes, the pidfile, a kill, the
// session lines, the end. It checks every claim before it prints it; the first
// one that is false ends the demo with status 1. It works as any user and ends
// only processes that it has started.
//
//	demo -plug bin/plug
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// step is one thing to show. It prints what it does and returns the claim that
// was false.
type step struct {
	title string
	run   func(*demo) error
}

// steps are shown in this order; each depends on the ones before it.
var steps = []step{
	{"A daemon starts", startDaemon},
	{"Five connections: a process for each", connectFive},
	{"One PID is killed: one session ends", killOne},
	{"Two clients hang up: the pidfile follows", hangUp},
	{"A line for every session that has ended", showLines},
	{"Upgrades under load: nothing is dropped", upgradeUnderLoad},
	{"The daemon is stopped: nothing is left", stopDaemon},
}

// demo is the state that the steps share.
type demo struct {
	wanted  context.Context // until an interrupt
	limited context.Context // until the limit

	dir     string // for all files that the daemon needs and writes
	plug    string // a copy of the binary that only the demo runs
	listen  string // the plug's address
	target  *target
	master  int
	clients []*client
	loaded  int          // sessions of the load that have ended
	seen    map[int]bool // every PID that was ever in the pidfile
}

// limit ends a demo that hangs; normally it takes a second.
const limit = 25 * time.Second

func main() {
	plug := flag.String("plug", "bin/plug", "the plug `binary`")
	flag.Parse()
	if err := show(*plug); err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: FAILED: %v\n", err)
		os.Exit(1)
	}
	fmt.Println("\nEverything that was shown was checked.")
}

// show runs all steps, and cleans up however they end.
func show(plug string) error {
	dir, err := os.MkdirTemp("", "plug-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d := &demo{dir: dir, plug: filepath.Join(dir, "plug"), seen: map[int]bool{}}
	if err := install(plug, d.plug); err != nil {
		return err
	}
	defer d.cleanUp()
	if d.target, err = startTarget(); err != nil {
		return err
	}
	fmt.Printf("DIR=%s; the target behind the plug is %s.\n", dir, d.target.addr)
	var cancel context.CancelFunc
	d.limited, cancel = context.WithTimeout(context.Background(), limit)
	defer cancel()
	d.wanted, cancel = signal.NotifyContext(d.limited, os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer cancel()
	begun := time.Now()
	if err := d.runSteps(); err != nil {
		return err
	}
	fmt.Printf("\n(%.1f s)\n", time.Since(begun).Seconds())
	return nil
}

func (d *demo) runSteps() error {
	for i, s := range steps {
		fmt.Printf("\n%d. %s\n", i+1, s.title)
		err := s.run(d)
		if d.wanted.Err() != nil {
			err = context.Cause(d.wanted)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.title, err)
		}
	}
	return nil
}

// install copies an executable.
func install(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}

func (d *demo) pidfile() string    { return filepath.Join(d.dir, "pid") }
func (d *demo) sessionLog() string { return filepath.Join(d.dir, "sessions") }

// claim prints a claim, if it holds.
func claim(holds bool, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if !holds {
		return errors.New("this does not hold: " + text)
	}
	fmt.Println("   ok:", text)
	return nil
}

// eventually waits up to two seconds for a condition, unless the demo is
// interrupted.
func (d *demo) eventually(condition func() bool) bool {
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline) && d.wanted.Err() == nil; time.Sleep(2 * time.Millisecond) {
		if condition() {
			return true
		}
	}
	return condition()
}
