// A draft collects the values of a command line; finishing it gives a checked
// configuration.

package config

import (
	"errors"
	"net/netip"
	"runtime"
	"slices"
)

// defaultBacklog is for sockets that plug opens itself.
const defaultBacklog = 4096

// unset marks a number that was not given and whose default depends on others.
const unset = -1

// Draft collects what a command line says, option by option; the last value of each
// counts. Finish checks it as a whole.
type Draft struct {
	Process
	Plug
	Bind     netip.Addr // -i
	Freebind bool       // --freebind
	Args     []string   // the source, then the targets

	Check, Version, Help bool   // what is asked for instead of serving
	Explain, Convert     bool   // the same
	Dump                 string // "hcl" or "json"; "" if it is not asked for

	Files Files // of --config

	system   *System
	sources  []listenerDraft
	problems []*Problem
}

func (d *Draft) report(p *Problem) { d.problems = append(d.problems, p) }

// NewDraft is the draft of an empty command line, for a system.
func NewDraft(system *System) *Draft {
	d := &Draft{system: system, Process: Process{Syslog: Syslog{Path: syslogPath(runtime.GOOS)}},
		Plug: Plug{Workers: unset, SparesMin: unset, SparesMax: unset, MaxUses: unset, Backlog: unset,
			Timing: Timing{HalfClosedTimeout: unset, UserTimeout: unset}}}
	for i := range options {
		if o := &options[i]; o.Default != "" {
			if err := o.Set(d, o.Default); err != nil {
				panic("config: the default of --" + o.Long + ": " + err.Error()) // any test that makes a draft finds this
			}
		}
	}
	return d
}

// Take reads an option's value, unless this build's engine does not have the option.
func (d *Draft) Take(o *Option, text string) error {
	if err := d.lacks(o); err != nil {
		return err
	}
	return o.Set(d, text)
}

func (d *Draft) lacks(o *Option) error {
	if slices.Contains(d.system.Lacks, o.Long) {
		return errors.New("this build has the portable engine, which lacks this option; expected a build for Linux without the tag portable")
	}
	return nil
}

// Finish checks how everything fits together and fills in the defaults that depend on
// other options. Its error is a *Problem.
func (d *Draft) Finish() (*Config, error) {
	for _, check := range [...]func(){
		d.placeSource, d.placeTargets, d.checkCounts, d.checkFamilies, d.checkInterfaces, d.checkLoop,
		d.settleNumbers, d.settleSpares, d.settleTiming, d.settleControl,
	} {
		if check(); len(d.problems) > 0 {
			return nil, d.problems[0]
		}
	}
	d.Foreground = d.Foreground || d.Debug > 0 || d.SessionLog == "-"
	plug := d.Plug
	return &Config{Process: d.Process, Plugs: []*Plug{&plug}}, nil
}
