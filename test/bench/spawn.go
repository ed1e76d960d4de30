//go:build linux

// Starting a program many times, as plug's master starts workers.

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"daemon/plug/test/bench/load"
	"daemon/plug/test/bench/stats"
)

// workerEnv is a worker's environment, with one session at a time.
var workerEnv = []string{"GOMAXPROCS=1", "GODEBUG=containermaxprocs=0,updatemaxprocs=0,asyncpreemptoff=1", "GOGC=off", "GOMEMLIMIT=32MiB"}

// spawn starts a program in the same way as plug's master starts workers, and
// waits for its end, n times in a row; step by step with the caller, as
// load.Serve describes.
func spawn(args []string, in io.Reader, out io.Writer) error {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR, 0)
	if err != nil {
		return err
	}
	unix.Prctl(unix.PR_SET_TIMERSLACK, 10_000_000, 0, 0, 0)
	once := func() error {
		pidfd := -1
		pid, err := syscall.ForkExec(args[1], args[1:], &syscall.ProcAttr{Env: workerEnv, Files: []uintptr{uintptr(null), uintptr(null), uintptr(null)},
			Sys: &syscall.SysProcAttr{Setpgid: true, PidFD: &pidfd}})
		if err != nil {
			return err
		}
		var status syscall.WaitStatus
		for err = syscall.EINTR; err == syscall.EINTR; {
			_, err = syscall.Wait4(pid, &status, 0, nil)
		}
		unix.Close(pidfd)
		if err == nil && status != 0 {
			err = fmt.Errorf("%s: wait status %#x", args[1], int(status))
		}
		return err
	}
	if err := once(); err != nil {
		return err
	}
	fmt.Fprintln(out, "ready")
	var took stats.Histogram
	var res load.Result
	for lines := bufio.NewScanner(in); lines.Scan(); {
		if lines.Text() != load.More {
			took, res = stats.Histogram{}, load.Result{}
		}
		start := time.Now()
		for range n {
			began := time.Now()
			if err := once(); err != nil {
				return err
			}
			took.Add(microseconds(time.Since(began)))
		}
		res.Ops, res.Seconds = res.Ops+int64(n), res.Seconds+time.Since(start).Seconds()
		res.Median, res.P99, res.Max = took.At(0.5), took.At(0.99), took.At(1)
		if err := json.NewEncoder(out).Encode(res); err != nil {
			return err
		}
	}
	return nil
}

// buildBare builds the program that does nothing, in the same way as plug is
// built.
func buildBare(dir string) (string, error) {
	path := filepath.Join(dir, "bare")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, "daemon/plug/test/bench/bare")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program that does nothing: %w\n%s", err, said)
	}
	return path, nil
}
