// What plugctl metrics gets from the command line: several plugs, and its
// unit.

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"daemon/plug/cmd/plugctl/metrics"
	"daemon/plug/cmd/plugctl/reach"
	"daemon/plug/cmd/plugctl/service"
)

// named is a plug as the command line names it. Most commands take one;
// metrics takes several.
type named struct{ flag, path string }

// namedValue is a pflag.Value that keeps the last value, and a list of all of
// them.
type namedValue struct {
	flag string
	last *string
	all  *[]named
}

func (v namedValue) Type() string   { return "string" }
func (v namedValue) String() string { return *v.last }

func (v namedValue) Set(path string) error {
	*v.last = path
	*v.all = append(*v.all, named{v.flag, path})
	return nil
}

// oneOnly returns an error if several plugs are named.
func (c *ctl) oneOnly() error {
	if len(c.named) < 2 {
		return nil
	}
	a, b := c.named[0], c.named[1]
	return fmt.Errorf("%s %s and %s %s: name one plug; only metrics takes several", a.flag, a.path, b.flag, b.path)
}

// forMetrics returns the setup of plugctl metrics, which looks for each master
// at each request. A master that does not run now may be started later, so
// that is not an error.
func (c *ctl) forMetrics() (*metrics.Setup, error) {
	s := &metrics.Setup{Timeout: c.Timeout, JSON: c.JSON, Unit: c.metricsUnit}
	if len(c.named) == 0 { // the one in the environment, or the only plug
		if err := c.Check(); err != nil {
			return nil, err
		}
		s.Plugs = []*metrics.Plug{exported(&c.Options, c.Control)}
		return s, nil
	}
	seen := map[named]bool{}
	for _, n := range c.named {
		if seen[n] {
			return nil, usagef("%s %s is given twice", n.flag, n.path)
		}
		seen[n] = true
		o := &reach.Options{Timeout: c.Timeout}
		if n.flag == "-s" {
			o.Control = n.path
		} else {
			o.Pidfile = n.path
		}
		s.Plugs = append(s.Plugs, exported(o, n.path))
	}
	return s, nil
}

func exported(o *reach.Options, place string) *metrics.Plug {
	return &metrics.Plug{Place: place, Ask: metrics.Over(func() (metrics.Conversation, error) { return o.Dial() })}
}

// metricsUnit returns a unit for the exporter of these plugs.
func (c *ctl) metricsUnit(address string) (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	words, search := []string{program}, len(c.named) == 0
	for _, n := range c.named {
		path, err := filepath.Abs(n.path)
		if err != nil {
			return "", err
		}
		words = append(words, n.flag, path)
		search = search || n.flag == "-P"
	}
	words = append(words, "--timeout", c.Timeout.String(), "metrics", "--listen", address)
	return service.MetricsUnit(words, search)
}
