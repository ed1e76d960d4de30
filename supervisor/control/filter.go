// Filters of sessions and targets: checking and matching.

package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// states are the values of Session.State.
var states = [...]string{"connecting", "negotiating", "relaying", "half-closed", "delivering"}

// Match returns a function that reports which sessions match the filter, which
// may be nil. The error says what is wrong with the filter: one that can match
// no session is always an error.
func (f *Filter) Match() (func(*Session) bool, error) {
	if f == nil {
		return func(*Session) bool { return true }, nil
	}
	client, err := parsePlace(f.Client, false)
	if err != nil {
		return nil, fmt.Errorf("client %q: %w", f.Client, err)
	}
	target, err := parsePlace(f.Target, true)
	if err != nil {
		return nil, fmt.Errorf("target %q: %w", f.Target, err)
	}
	if f.State != "" && !slices.Contains(states[:], f.State) {
		return nil, fmt.Errorf("state %q: must be one of %s", f.State, strings.Join(states[:], ", "))
	}
	for _, age := range []struct {
		name    string
		seconds float64
	}{{"older_than_seconds", f.OlderThan}, {"idle_for_seconds", f.IdleFor}} {
		if !(age.seconds >= 0) {
			return nil, fmt.Errorf("%s %v: must be above 0", age.name, age.seconds)
		}
	}
	for _, pid := range f.PIDs {
		if pid <= 0 {
			return nil, fmt.Errorf("PID %d: must be above 0", pid)
		}
	}
	ids := make(map[string]bool, len(f.IDs))
	for _, id := range f.IDs {
		if !isID(id) {
			return nil, fmt.Errorf("session %q: must be an ID of three numbers, as in 1-7-42", id)
		}
		ids[id] = true
	}
	return func(s *Session) bool {
		return (len(ids) == 0 || ids[s.ID]) &&
			(len(f.PIDs) == 0 || slices.Contains(f.PIDs, s.PID)) &&
			(f.Plug == "" || s.Plug == f.Plug) &&
			(f.Client == "" || client.has(s.Client)) &&
			(f.Target == "" || target.has(s.Target)) &&
			(f.State == "" || s.State == f.State) &&
			s.Age >= f.OlderThan && s.Idle >= f.IdleFor &&
			(f.Worker == "" || s.Build == f.Worker) &&
			(f.NotVersion == "" || s.Build != f.NotVersion)
	}, nil
}

// MatchTarget returns a function that reports which targets match the filter's
// target.
func (f *Filter) MatchTarget() (func(target string) bool, error) {
	if f == nil || f.Target == "" {
		return func(string) bool { return true }, nil
	}
	target, err := parsePlace(f.Target, true)
	if err != nil {
		return nil, fmt.Errorf("target %q: %w", f.Target, err)
	}
	return target.has, nil
}

// Kills returns an error unless the filter, which may be nil, selects sessions
// for a kill; all sessions are selected only with All.
func (f *Filter) Kills() error {
	switch all := f != nil && f.All; {
	case f.Empty() && !all:
		return ErrEmpty
	case !f.Empty() && all:
		return errors.New("all cannot be combined with IDs or other filters")
	}
	return nil
}

// UnmarshalJSON refuses unknown fields: if a part of a filter were ignored, it
// would match sessions that were not meant.
func (f *Filter) UnmarshalJSON(text []byte) error {
	type plain Filter
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode((*plain)(f)); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	return nil
}

// Empty reports whether the filter, which may be nil, has no condition.
func (f *Filter) Empty() bool {
	return f == nil || len(f.IDs) == 0 && len(f.PIDs) == 0 && f.Plug == "" && f.Client == "" && f.Target == "" && f.State == "" &&
		f.OlderThan == 0 && f.IdleFor == 0 && f.Worker == "" && f.NotVersion == ""
}

// ErrEmpty is the error of a Kill without any condition.
var ErrEmpty = errors.New("no sessions selected; set all to end all sessions")

// isID reports whether a text has the form of Session.ID.
func isID(text string) bool {
	parts := strings.Split(text, "-")
	for _, p := range parts {
		if p == "" || len(p) > 20 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return len(parts) == 3
}
