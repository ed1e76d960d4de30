//go:build linux

// Command bench compares plug with other proxies, on Linux, as root. Every
// proxy runs in its own control group, so that all its processes are counted,
// and every workload is measured in rounds in which the proxies take turns.
// Figures from different runs or machines cannot be compared; ratios within a
// run can.
//
//	bench -plug bin/plug [-rounds N] [-duration D] [-seed N] [-only NAMES] [-workloads LIST] [-ref NAME]
//	      [-o FILE] [-svg FILE]
//	bench -plug OLD,NEW -only plug -rounds 9
//
// The result is Markdown on stdout or in a file, and a plot on request;
// progress goes to stderr. The exit status is 1 when a plug failed a session
// or missed a goal, 2 when nothing could be measured.
package main

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/bench/proxy"
)

// options are the command line.
type options struct {
	rounds    int
	seed      uint64 // for the proxies' order
	duration  time.Duration
	workloads []workload
	proxies   []*proxy.Proxy
	reference string
	limits    limits
	missing   []string // proxies that are not installed
	output    string   // file for the Markdown; "": stdout
	svg       string   // "": none
	plugs     []string // the binaries
	only      string
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == roleFlag {
		os.Exit(playRole(os.Args[2], os.Args[3:]))
	}
	o, err := parse()
	if err == nil {
		err = raiseLimits()
	}
	if err == nil {
		o.limits = machineLimits()
		err = bench(o)
	}
	switch {
	case errors.Is(err, errJudged):
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
}

func parse() (*options, error) {
	var (
		o         options
		plugs     = flag.String("plug", "bin/plug", "the plug `binary`, or OLD,NEW to compare two")
		workloads = flag.String("workloads", usual, "`list` of kind:number[:bytes], or all; kinds are "+strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
	)
	flag.StringVar(&o.only, "only", "", "measure only proxies with one of these `words`, parted by commas, in their names")
	flag.IntVar(&o.rounds, "rounds", 3, "`number` of rounds")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "`number` that the proxies' order in every turn follows from")
	flag.DurationVar(&o.duration, "duration", 2*time.Second, fmt.Sprintf("of each measurement; those in slices have %d of 1/%d of it", slicesEach, sliceOfTime))
	flag.StringVar(&o.reference, "ref", "haproxy", "the `proxy` that ratios refer to")
	flag.StringVar(&o.output, "o", "", "`file` for the Markdown; stdout without")
	flag.StringVar(&o.svg, "svg", "", "`file` for a plot of what sessions cost; none without")
	flag.Parse()
	if os.Getuid() != 0 {
		return nil, fmt.Errorf("control groups need root")
	}
	if flag.NArg() > 0 || o.rounds < 1 {
		return nil, fmt.Errorf("takes no arguments but its flags, and at least one round")
	}
	if o.plugs = strings.Split(*plugs, ","); len(o.plugs) > 2 {
		return nil, fmt.Errorf("-plug takes one binary or two")
	}
	var err error
	o.workloads, err = parseWorkloads(*workloads)
	return &o, err
}

// raiseLimits allows proxies and load all the descriptors that the system
// permits; they inherit the limit.
func raiseLimits() error {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	l.Cur = l.Max
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &l)
}

// machine describes the machine before the measurements.
func machine() string {
	var u unix.Utsname
	unix.Uname(&u)
	cpu := "unknown processor"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				cpu = strings.TrimSpace(value)
				break
			}
		}
	}
	// Figures from a machine with other work are less reliable.
	load, _ := os.ReadFile("/proc/loadavg")
	busy, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("Linux %s, %d × %s, load average %s before the run, %s",
		unix.ByteSliceToString(u.Release[:]), runtime.NumCPU(), cpu, busy, runtime.Version())
}
