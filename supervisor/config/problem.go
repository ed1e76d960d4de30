// What is wrong with a command line, as an error.

package config

import "strconv"

// Problem is one value that can't be right. Option is the long name of the option that it
// was given with, or "source" or "target"; Reason says what would be right. Without a
// value, something is missing.
type Problem struct {
	Option string
	Value  string
	Absent bool // no value was given at all
	Index  int  // of a source or target, or of the source that has the option; wholePlug if it is all the same
	Reason string
}

// wholePlug is the index of a value that belongs to no single listener or target.
const wholePlug = -1

// Error is one line; the value is quoted, so that no byte of it reaches a terminal
// unescaped.
func (p *Problem) Error() string {
	if p.Absent {
		return p.Option + ": " + p.Reason
	}
	return p.Option + " " + strconv.Quote(p.Value) + ": " + p.Reason
}
