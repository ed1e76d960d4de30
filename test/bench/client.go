//go:build linux

// The process that makes a load, as bench controls it.

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"

	"daemon/plug/test/bench/load"
)

// client is the process that makes a load, or starts programs, step by step,
// as load.Serve describes.
type client struct {
	*actor
	lines *bufio.Reader
	ended bool
}

var errEarly = errors.New("the load ended early")

// startLoad returns when the load is ready.
func startLoad(spec load.Spec) (*client, error) {
	b, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	a, err := act(roleLoad, string(b))
	if err != nil {
		return nil, err
	}
	return ready(a)
}

func ready(a *actor) (*client, error) {
	c := &client{actor: a, lines: bufio.NewReader(a.out)}
	c.out = c.lines
	if _, err := c.lines.ReadString('\n'); err != nil {
		return nil, errors.Join(errEarly, c.end())
	}
	return c, nil
}

// round runs one measured part.
func (c *client) round() (load.Result, error) { return c.part("go") }

// more runs one more part; the result covers all parts since the last round.
func (c *client) more() (load.Result, error) { return c.part(load.More) }

func (c *client) part(word string) (res load.Result, err error) {
	fmt.Fprintln(c.in, word)
	line, err := c.lines.ReadBytes('\n')
	if err != nil {
		return res, errors.Join(errEarly, c.end())
	}
	return res, json.Unmarshal(line, &res)
}

// end makes the load close its connections, and waits; only once.
func (c *client) end() error {
	if c.ended {
		return nil
	}
	c.ended = true
	return c.actor.end()
}
