// The demo's clients.

package main

import (
	"bufio"
	"fmt"
	"net"
	"time"
)

// client is one connection through the plug. It counts the bytes that it sends
// and receives, which are compared with its session line.
type client struct {
	conn net.Conn
	in   *bufio.Reader
	sent int
	got  int
	pid  int // of the process that carries it, if known
}

// patience is how long a client waits for an answer.
const patience = 3 * time.Second

// connect opens a session and checks that the target greets.
func connect(to string, t *target) (*client, error) {
	conn, err := net.DialTimeout("tcp4", to, patience)
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn, in: bufio.NewReader(conn)}
	line, err := c.line()
	if err != nil {
		return nil, fmt.Errorf("the greeting: %w", err)
	}
	if line != greeting(t.addr) {
		return nil, fmt.Errorf("the greeting is %q", line)
	}
	return c, nil
}

// echo sends a line and checks that it comes back.
func (c *client) echo(text string) error {
	text += "\n"
	n, err := c.conn.Write([]byte(text))
	c.sent += n
	if err != nil {
		return err
	}
	line, err := c.line()
	if err != nil {
		return err
	}
	if line != text {
		return fmt.Errorf("%q came back as %q", text, line)
	}
	return nil
}

// ended waits for the end of the connection and reports whether it came.
func (c *client) ended() bool {
	_, err := c.line()
	timeout, ok := err.(net.Error)
	return err != nil && !(ok && timeout.Timeout())
}

func (c *client) line() (string, error) {
	c.conn.SetReadDeadline(time.Now().Add(patience))
	line, err := c.in.ReadString('\n')
	c.got += len(line)
	return line, err
}

// addr is the client's address, as the plug sees it.
func (c *client) addr() string { return c.conn.LocalAddr().String() }
