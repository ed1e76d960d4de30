// Package pick selects sessions: it makes a control.Filter from an admin's
// flags on the command line or words in top.
package pick

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"daemon/plug/supervisor/control"
)

// Word is one condition.
type Word struct {
	Name  string // name of the flag, and of the word before = in top
	Value string // the value's name in usage
	Help  string
	Set   func(f *control.Filter, value string) error // a second value is added to a list, or replaces the first
}

// Words are all conditions, in the order of the usage.
var Words = []Word{
	{"id", "ID", "the session with this ID; repeatable", func(f *control.Filter, v string) error {
		return each(v, func(id string) error {
			if err := ID(id); err != nil {
				return err
			}
			f.IDs = append(f.IDs, id)
			return nil
		})
	}},
	{"pid", "PID", "sessions of this worker; repeatable", func(f *control.Filter, v string) error {
		return each(v, func(text string) error {
			pid, err := strconv.Atoi(text)
			if err != nil || pid <= 0 {
				return fmt.Errorf("expected a PID, not %q", text)
			}
			f.PIDs = append(f.PIDs, pid)
			return nil
		})
	}},
	{"plug", "NAME", "sessions of this plug", func(f *control.Filter, v string) error {
		f.Plug = v
		return some(v)
	}},
	{"client", "NET", "sessions of this client address or network", func(f *control.Filter, v string) error {
		f.Client = v
		return check(&control.Filter{Client: v}, v)
	}},
	{"target", "TARGET", "sessions to this target: ADDR:PORT, ADDR, NAME or NET", func(f *control.Filter, v string) error {
		f.Target = v
		return check(&control.Filter{Target: v}, v)
	}},
	{"state", "STATE", "sessions in this state", func(f *control.Filter, v string) error {
		f.State = v
		if !slices.Contains(States, v) {
			return fmt.Errorf("expected one of %s", strings.Join(States, ", "))
		}
		return nil
	}},
	{"older-than", "TIME", "sessions older than TIME", func(f *control.Filter, v string) (err error) {
		f.OlderThan, err = seconds(v)
		return err
	}},
	{"idle-for", "TIME", "sessions without traffic for TIME", func(f *control.Filter, v string) (err error) {
		f.IdleFor, err = seconds(v)
		return err
	}},
	{"worker-version", "VERSION", "sessions of workers of this version", func(f *control.Filter, v string) error {
		f.Worker = v
		return some(v)
	}},
	{"other-version", "VERSION", "sessions of workers of any other version", func(f *control.Filter, v string) error {
		f.NotVersion = v
		return some(v)
	}},
}

// States are the states of a session.
var States = []string{"connecting", "negotiating", "relaying", "half-closed", "delivering"}

// ID refuses a PID instead of a session's ID; the master checks the rest.
func ID(text string) error {
	if _, err := strconv.ParseUint(text, 10, 32); err == nil {
		return fmt.Errorf("%q is not a session ID; expected one as in 1-8-2, or --pid %s for the sessions of that process", text, text)
	}
	return nil
}

// Parse parses words as in top, "client=10.0.0.0/8 idle-for=1m"; without words
// the filter is empty.
func Parse(text string) (*control.Filter, error) {
	f := new(control.Filter)
	for _, field := range strings.Fields(text) {
		name, value, assigned := strings.Cut(field, "=")
		i := slices.IndexFunc(Words, func(w Word) bool { return w.Name == name })
		if i < 0 || !assigned {
			return nil, fmt.Errorf("expected words such as client=10.0.0.0/8, not %q", field)
		}
		if err := Words[i].Set(f, value); err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
	}
	return f, nil
}

// each calls do for every element of a comma-separated list.
func each(list string, do func(string) error) error {
	for element := range strings.SplitSeq(list, ",") {
		if err := some(element); err != nil {
			return err
		}
		if err := do(element); err != nil {
			return err
		}
	}
	return nil
}

func some(text string) error {
	if text == "" {
		return errors.New("expected a value")
	}
	return nil
}

// check checks a filter with one value as the master does.
func check(f *control.Filter, value string) error {
	if err := some(value); err != nil {
		return err
	}
	_, err := f.Match()
	return errors.Unwrap(err) // without the flag and the value
}

func seconds(text string) (float64, error) {
	d, err := Time(text)
	return d.Seconds(), err
}
