//go:build linux

// Command bench measures plug beside its peers, on Linux, as root. Every proxy
// runs in a control group of its own, so that all its processes are counted,
// and every workload is measured in rounds that take the proxies in turn.
// Figures from different runs or machines can't be compared; ratios within a
// run can.
//
//	bench -plug bin/plug [-rounds N] [-duration D] [-only NAMES] [-workloads LIST] [-ref NAME]
//	bench -plug OLD,NEW -only plug -rounds 9
//
// The result is Markdown on stdout; progress goes to stderr. The exit status
// is 1 when a plug failed a session or missed a goal, 2 when nothing could be
// measured.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"plugdaemon/test/bench/proxy"
)

// options are the command line.
type options struct {
	rounds    int
	duration  time.Duration
	workloads []workload
	proxies   []*proxy.Proxy
	reference string
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == roleFlag {
		os.Exit(playRole(os.Args[2], os.Args[3:]))
	}
	o, err := parse()
	if err == nil {
		err = raiseLimits()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	os.Exit(bench(o))
}

func parse() (*options, error) {
	var (
		o         options
		plugs     = flag.String("plug", "bin/plug", "the plug `binary`, or OLD,NEW to compare two")
		only      = flag.String("only", "", "measure only proxies with one of these `words`, parted by commas, in their names")
		workloads = flag.String("workloads", "short:16,request:1,request:32,bulk:1,bulk:8,idle:500", "`list` of kind:clients[:bytes]; kinds are short, request, bulk, idle")
	)
	flag.IntVar(&o.rounds, "rounds", 3, "`number` of rounds")
	flag.DurationVar(&o.duration, "duration", 2*time.Second, "of each measurement")
	flag.StringVar(&o.reference, "ref", "haproxy", "the `proxy` that ratios refer to")
	flag.Parse()
	if os.Getuid() != 0 {
		return nil, fmt.Errorf("control groups need root")
	}
	if flag.NArg() > 0 || o.rounds < 1 {
		return nil, fmt.Errorf("takes no arguments but its flags, and at least one round")
	}
	var err error
	if o.workloads, err = parseWorkloads(*workloads); err != nil {
		return nil, err
	}
	o.proxies, err = choose(strings.Split(*plugs, ","), *only)
	return &o, err
}

// choose lists the proxies of this run and names those that are missing.
func choose(plugs []string, only string) ([]*proxy.Proxy, error) {
	labels := []string{""}
	if len(plugs) == 2 {
		labels = []string{labelOld, labelNew}
	} else if len(plugs) > 2 {
		return nil, fmt.Errorf("-plug takes one binary or two")
	}
	var all []*proxy.Proxy
	for _, mode := range []string{"fork", "prefork", "pool"} {
		for i, binary := range plugs {
			path, err := filepath.Abs(binary)
			if err != nil {
				return nil, err
			}
			all = append(all, proxy.Plug(path, mode, labels[i]))
		}
	}
	all = append(append(all, proxy.Peers()...), proxy.Direct())
	var chosen []*proxy.Proxy
	for _, p := range all {
		if !wanted(p.Name, only) {
			continue
		}
		if p.Program != "" {
			if _, err := p.Find(); err != nil {
				fmt.Printf("Missing: %v\n\n", err)
				continue
			}
		}
		chosen = append(chosen, p)
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("none of the proxies is here")
	}
	return chosen, nil
}

func wanted(name, only string) bool {
	if only == "" {
		return true
	}
	for _, word := range strings.Split(only, ",") {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// raiseLimits lets proxies and load have all the descriptors that the system
// allows; they inherit it.
func raiseLimits() error {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	l.Cur = l.Max
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &l)
}

// machine describes where the figures come from, before they are taken.
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
	// A figure from a machine that was busy with something else is worth less.
	load, _ := os.ReadFile("/proc/loadavg")
	busy, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("Linux %s, %d × %s, load average %s before the run, %s",
		unix.ByteSliceToString(u.Release[:]), runtime.NumCPU(), cpu, busy, runtime.Version())
}
