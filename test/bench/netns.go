//go:build linux

// A network namespace for each measurement.

package main

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// place is a network namespace with only loopback, and a thread in it.
// Measurements in different places do not influence each other: after short
// connections, tens of thousands of TIME_WAIT sockets stay for a minute and
// change the next proxy's results by up to a third, and not equally for all.
type place struct {
	calls chan func()
}

// newPlace makes a place; see network_namespaces(7).
func newPlace() (*place, error) {
	p := &place{calls: make(chan func())}
	ready := make(chan error)
	go func() {
		// Never unlocked, so the thread ends with the goroutine, and the
		// namespace with the last process in it.
		runtime.LockOSThread()
		err := enterNew()
		ready <- err
		if err != nil {
			return
		}
		for f := range p.calls {
			f()
		}
	}()
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("a network namespace for a measurement (it takes root, and a kernel with CONFIG_NET_NS): %w", err)
	}
	return p, nil
}

// do calls f on the place's thread; use it for everything that starts a
// process or opens a socket. A goroutine that f starts would be outside the
// place.
func (p *place) do(f func() error) error {
	done := make(chan error)
	p.calls <- func() { done <- f() }
	return <-done
}

// leave ends the thread, and so the roles that were started on it.
func (p *place) leave() { close(p.calls) }

// enterNew gives the thread a new network namespace and enables its loopback
// interface; see netdevice(7).
func enterNew() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	loopback, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	loopback.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, loopback)
}
