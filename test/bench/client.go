//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"

	"daemon/plug/test/bench/load"
)

// client is the process that makes a load, or starts programs, in steps with
// this one as load.Serve says.
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

// round has one measured part made.
func (c *client) round() (load.Result, error) { return c.part("go") }

// more has one more part made; the result is of all since the last round.
func (c *client) more() (load.Result, error) { return c.part(load.More) }

func (c *client) part(word string) (res load.Result, err error) {
	fmt.Fprintln(c.in, word)
	line, err := c.lines.ReadBytes('\n')
	if err != nil {
		return res, errors.Join(errEarly, c.end())
	}
	return res, json.Unmarshal(line, &res)
}

// end has the load close what it holds, and waits; once.
func (c *client) end() error {
	if c.ended {
		return nil
	}
	c.ended = true
	return c.actor.end()
}
