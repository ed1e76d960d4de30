//go:build linux

// A test that a place is isolated.

package main

import (
	"fmt"
	"net"
	"os"
	"testing"
)

// A server that is started in a place is reachable there, and only there.
func TestPlaceIsApart(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a network namespace takes root")
	}
	p, err := newPlace()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.leave)
	var addr string
	dial := func() error {
		conn, err := net.Dial("tcp4", addr)
		if err == nil {
			conn.Close()
		}
		return err
	}
	if err := p.do(func() error {
		target, err := act(roleBackend)
		if err != nil {
			return err
		}
		t.Cleanup(func() { target.end() })
		if _, err := fmt.Fscanln(target.out, &addr); err != nil {
			return err
		}
		return dial()
	}); err != nil {
		t.Errorf("within the place: %v", err)
	}
	if dial() == nil {
		t.Errorf("%s is reached from outside", addr)
	}
}
