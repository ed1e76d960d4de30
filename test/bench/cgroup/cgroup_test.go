//go:build linux

// Tests of control groups, with this binary as the measured process.

package cgroup

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const dirsVariable = "BENCH_CGROUP_TEST"

// The test binary is also the measured process: it enters the group, starts a
// child that uses 50 ms of CPU and dies, and then holds 20 MiB.
func TestMain(m *testing.M) {
	if dirs := os.Getenv(dirsVariable); dirs != "" {
		if err := Enter(strings.Split(dirs, "\n")); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(beMeasured())
	}
	os.Exit(m.Run())
}

func beMeasured() int {
	if len(os.Args) > 1 && os.Args[1] == "burn" {
		for start := time.Now(); time.Since(start) < 50*time.Millisecond; {
		}
		return 0
	}
	child := exec.Command("/proc/self/exe", "burn")
	if err := child.Run(); err != nil {
		return 1
	}
	held := make([]byte, 20<<20)
	for i := range held {
		held[i] = 1
	}
	fmt.Println("held", held[len(held)-1])
	os.Stdin.Read(make([]byte, 1))
	return 0
}

func TestGroupCountsTheDeadAndTheHeld(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("control groups need root")
	}
	g, err := New(fmt.Sprintf("bench-test-%d", os.Getpid()))
	if err != nil {
		t.Skipf("no control groups here: %v", err)
	}
	defer g.Remove()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), dirsVariable+"="+strings.Join(g.Dirs(), "\n"))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var word string
	if _, err := fmt.Fscan(out, &word); err != nil || word != "held" {
		t.Fatalf("the measured process: %q, %v", word, err)
	}
	if pids, err := g.Pids(); err != nil || len(pids) != 1 || pids[0] != cmd.Process.Pid {
		t.Errorf("the group has %v, %v; want %d alone", pids, err, cmd.Process.Pid)
	}
	// The dead child used most of it; on a busy machine it used less than 50
	// ms.
	if cpu, err := g.CPU(); err != nil || cpu < 20*time.Millisecond {
		t.Errorf("CPU %v, %v", cpu, err)
	}
	// The upper bound leaves room for the race detector's shadow.
	if mem, err := g.Memory(); err == ErrNoMemory {
		t.Log("memory is not counted here")
	} else if err != nil || mem.All < 20<<20 || mem.All > 300<<20 || mem.Kernel >= mem.All {
		t.Errorf("memory %+v, %v", mem, err)
	}
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the process has outlived its group")
	}
}
