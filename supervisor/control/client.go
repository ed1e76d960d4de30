// The client's end of the control socket: connecting, asking and trying again.

package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// Client sends requests to a control socket. It is not safe for concurrent
// use.
type Client struct {
	path    string
	timeout time.Duration
	conn    *os.File
	lines   *bufio.Reader
}

// RefusedError is the master's answer when it did not do all that was
// requested.
type RefusedError struct{ Path, Reason string }

func (e *RefusedError) Error() string { return e.Reason }

// againEvery is the interval at which a request is repeated while the plug
// changes masters.
const againEvery = 20 * time.Millisecond

// Dial connects to the control socket at path. The timeout is for connecting
// and, later, for each line of a reply. Errors read "control socket PATH:
// reason".
func Dial(path string, timeout time.Duration) (*Client, error) {
	c := &Client{path: path, timeout: timeout}
	if err := c.dial(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Client) dial() error {
	conn, err := connect(c.path)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED) && !isSocket(c.path):
		return c.fail("not a socket; expected the path that the plug's --control names")
	case errors.Is(err, syscall.ECONNREFUSED):
		return c.failed("no plug is listening on this socket: the plug has ended", err)
	case errors.Is(err, syscall.EAGAIN):
		return c.fail("too many clients are waiting: the master is stopped or very busy")
	case err != nil:
		return c.failed(err.Error(), err)
	}
	c.conn, c.lines = conn, bufio.NewReaderSize(conn, 4<<10)
	return nil
}

// Close closes the connection.
func (c *Client) Close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// isSocket reports whether the path names a socket or does not exist.
func isSocket(path string) bool {
	info, err := os.Stat(path)
	return err != nil || info.Mode().Type() == fs.ModeSocket
}

// failed is an error with this reason, which wraps err.
func (c *Client) failed(reason string, err error) error {
	return &dialError{fmt.Sprintf("control socket %s: %s", c.path, reason), err}
}

type dialError struct {
	text string
	err  error
}

func (e *dialError) Error() string { return e.text }
func (e *dialError) Unwrap() error { return e.err }

func (c *Client) fail(reason string) error {
	return fmt.Errorf("control socket %s: %s", c.path, reason)
}

// Do sends a request and calls each with every reply, including the last one.
// While the plug is changing masters, it asks again, until the timeout. The
// error is a *RefusedError if the master answered with one.
func (c *Client) Do(req Request, each func(Reply)) error {
	req.Version = Version
	line, err := json.Marshal(req)
	if err != nil {
		return err
	}
	if len(line)+1 > MaxRequest {
		return c.fail(fmt.Sprintf("a request of %d bytes; must be at most %d", len(line)+1, MaxRequest))
	}
	line = append(line, '\n')
	for end := time.Now().Add(c.timeout); ; time.Sleep(againEvery) {
		again, err := c.try(line, req.Verb.reads(), each)
		if !again || time.Now().After(end) {
			return err
		}
	}
}

// try sends the request once; again reports that nothing was done, and that
// another try may help.
func (c *Client) try(line []byte, harmless bool, each func(Reply)) (again bool, err error) {
	if c.conn == nil {
		if err := c.dial(); err != nil {
			return false, err
		}
	}
	c.conn.SetWriteDeadline(time.Now().Add(c.timeout))
	if _, err := c.conn.Write(line); err != nil {
		c.Close()
		// A server that has closed an idle connection has read nothing of
		// this.
		return !errors.Is(err, os.ErrDeadlineExceeded), c.unanswered(err)
	}
	for heard := false; ; heard = true {
		c.conn.SetReadDeadline(time.Now().Add(c.timeout))
		text, err := readLine(c.lines, MaxReply)
		var r Reply
		if err == nil {
			err = json.Unmarshal(text, &r)
		}
		if err != nil {
			c.Close()
			gone := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
			return gone && !heard && harmless, c.unanswered(err)
		}
		if r.Again {
			c.Close() // the next master answers at the same path
			return true, c.fail(r.Error)
		}
		if each != nil {
			each(r)
		}
		switch {
		case r.Error != "":
			return false, &RefusedError{c.path, r.Error}
		case r.Done:
			return false, nil
		}
	}
}

// unanswered turns an error of the connection into one that says what to
// check.
func (c *Client) unanswered(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return c.fail(fmt.Sprintf("no answer within %v: the master is stopped or very busy", c.timeout))
	case errors.Is(err, io.EOF), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET):
		return c.fail("the master closed the connection without an answer")
	}
	return c.fail("invalid answer: " + err.Error())
}
