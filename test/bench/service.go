//go:build linux

// A running proxy: start, CPU, memory, session lines and stop.

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"daemon/plug/test/bench/cgroup"
	"daemon/plug/test/bench/proxy"
	"daemon/plug/test/bench/wire"
)

// service is a proxy that runs in its control group.
type service struct {
	proxy  *proxy.Proxy
	addr   netip.AddrPort
	dir    string
	group  *cgroup.Group // nil: no proxy at all
	cmd    *exec.Cmd
	probes int64 // sessions that start has made
}

// start runs p and returns when a message has come back through it.
func start(p *proxy.Proxy, target netip.AddrPort) (_ *service, err error) {
	if p.Program == "" {
		return &service{proxy: p, addr: target}, nil
	}
	starting.Lock()
	defer starting.Unlock()
	s := &service{proxy: p}
	running.Store(s, nil)
	if s.dir, err = os.MkdirTemp("", "bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	// nginx's workers run as another user and open their files in it.
	os.Chmod(s.dir, 0o755)
	if s.group, err = cgroup.New(filepath.Base(s.dir)); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s.addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
	argv, err := p.Command(s.dir, port, int(target.Port()))
	if err != nil {
		return nil, err
	}
	said, err := os.Create(filepath.Join(s.dir, "said"))
	if err != nil {
		return nil, err
	}
	defer said.Close()
	s.cmd = roleCommand(roleEnter, slices.Concat(s.group.Dirs(), []string{"--"}, argv)...)
	s.cmd.Stdout, s.cmd.Stderr = said, said
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if err := s.awaitAnswer(); err != nil {
		text, _ := os.ReadFile(said.Name())
		return nil, fmt.Errorf("%s does not serve: %w\n%s", p.Name, err, text)
	}
	return s, nil
}

// awaitAnswer tries until a message has come back.
func (s *service) awaitAnswer() error {
	var err error
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if err = s.probe(); err == nil {
			return nil
		}
	}
	return err
}

func (s *service) probe() error {
	conn, err := net.DialTimeout("tcp", s.addr.String(), time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	s.probes++
	conn.SetDeadline(time.Now().Add(time.Second))
	out, in := make([]byte, 64), make([]byte, 64)
	wire.Fill(out, 0)
	if _, err := conn.Write(out); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, in); err != nil {
		return err
	}
	if !bytes.Equal(in, out) {
		return errors.New("the answer is not what was sent")
	}
	return nil
}

// used is the CPU time that the proxy has used.
func (s *service) used() time.Duration {
	if s.group == nil {
		return 0
	}
	used, _ := s.group.CPU()
	return used
}

// settled waits until the proxy has finished its remaining work, so that ends
// of processes are counted too, and returns the CPU time that it has used.
func (s *service) settled() time.Duration {
	if s.group == nil {
		return 0
	}
	last := s.used()
	for quiet, looks := 0, 0; quiet < 3 && looks < 100; looks++ {
		time.Sleep(20 * time.Millisecond)
		now := s.used()
		if quiet++; now-last > 200*time.Microsecond {
			quiet = 0
		}
		last = now
	}
	return last
}

// memory is the proxy's memory once it is idle.
func (s *service) memory() (cgroup.Held, error) {
	if s.group == nil {
		return cgroup.Held{}, nil
	}
	s.settled()
	return s.group.Memory()
}

// checkLines compares a plug's session lines with the sessions that were made.
// A line may come shortly after its client's close, and if thousands of
// sessions end at once, lines come for a while.
func (s *service) checkLines(sessions int64) []string {
	if !s.proxy.Plug {
		return nil
	}
	want := sessions + s.probes
	var got int64
	for changed := time.Now(); time.Since(changed) < 3*time.Second; time.Sleep(10 * time.Millisecond) {
		b, _ := os.ReadFile(proxy.SessionLog(s.dir))
		last := got
		if got = int64(bytes.Count(b, []byte{'\n'})); got == want {
			return nil
		} else if got != last {
			changed = time.Now()
		}
	}
	return []string{fmt.Sprintf("%d session lines for %d sessions", got, want)}
}

// running are the services that an interrupt must stop, scratch is a directory
// that it must remove. The interrupt handler holds starting, so that nothing
// is started meanwhile.
var (
	starting sync.Mutex
	running  sync.Map // *service
	scratch  atomic.Pointer[string]
)

// stopOnInterrupt makes an interrupted run clean up.
func stopOnInterrupt() {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	go func() {
		<-interrupted
		starting.Lock()
		running.Range(func(s, _ any) bool {
			s.(*service).stop()
			return true
		})
		cleanUp()
		os.Exit(2)
	}()
}

// cleanUp removes the scratch directory, if there is one.
func cleanUp() {
	if dir := scratch.Load(); dir != nil {
		os.RemoveAll(*dir)
	}
}

// stop ends all processes of the proxy, and removes its files.
func (s *service) stop() {
	running.Delete(s)
	if s.group != nil {
		if err := s.group.Remove(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
	}
	if s.cmd != nil && s.cmd.Process != nil {
		s.cmd.Wait()
	}
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}

// freePort returns a port below the ephemeral ones, so that no outgoing
// connection uses it.
func freePort() (int, error) {
	for range 1000 {
		nextPort = 20000 + (nextPort-20000+1)%10000
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", nextPort))
		if err == nil {
			l.Close()
			return nextPort, nil
		}
	}
	return 0, errors.New("no free port from 20000 to 30000")
}

var nextPort = 20000 + os.Getpid()%10000
