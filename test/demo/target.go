// The demo's targets.

package main

import (
	"fmt"
	"io"
	"net"
)

// target is the server behind the plug: it greets and then echoes.
type target struct{ addr string }

func startTarget() (*target, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				fmt.Fprint(conn, greeting(l.Addr().String()))
				io.Copy(conn, conn)
			}()
		}
	}()
	return &target{addr: l.Addr().String()}, nil
}

// greeting is what the target at addr sends first.
func greeting(addr string) string { return "hello from " + addr + "\n" }

// freeAddress is an address on which no process listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
