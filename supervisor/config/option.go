// What an option is, and how the table of options is read.

package config

import "slices"

// Scope says what an option belongs to.
type Scope uint8

const (
	ScopeCommand Scope = iota // only this command line: how to start, or which answer is asked for
	ScopeProcess              // the master, with everything that it serves
	ScopePlug
)

// Change says what is needed to change an option of a running plug.
type Change uint8

const (
	ChangeNever      Change = iota // options of ScopeCommand
	ChangeLive                     // running workers apply it
	ChangeGeneration               // the plug needs a new generation
	ChangeSockets                  // listeners are opened, set or closed
	ChangeMaster                   // the master applies it; no worker needs to know
)

// topic is the section of the usage text that an option is in.
type topic uint8

const (
	ownAddresses topic = iota
	peers
	sessions
	output
	service
	control
	answers
)

// Option is a row of the table: an option, or a positional argument, which has no option
// name but is also a value of the configuration.
type Option struct {
	Letter  byte   // getopt's letter; 0 if it has none
	Long    string // its name; "" for -s, which is accepted and ignored
	Arg     string // the name of the value in the usage text; "" for a flag
	Help    string // the usage text
	Default string // what Set reads first; "" for a default that depends on other options or the system

	Topic  topic
	Scope  Scope
	Change Change

	// Set reads the option's value into a draft; the error says what would be right.
	// nil: it is a positional argument of the command line, or part of one.
	Set func(d *Draft, text string) error
	// Put is how a configuration file sets the value, where Set does not do it.
	Put func(d *Draft, text string) error
	// Get is the value in effect, in the form that JSON shows: Set would read it to the
	// same effect. Times are in seconds; a value that is not set is "", 0, false, [] or,
	// for the user, null. nil: it is not shown.
	Get func(v Values) any
	// Hide reports whether the option is off, and not shown. nil: it is always shown.
	Hide func(v Values) bool
}

// Options are all options of the command line, in the order of the usage text.
func Options() []*Option {
	var all []*Option
	for i := range options {
		if options[i].Set != nil {
			all = append(all, &options[i])
		}
	}
	slices.SortStableFunc(all, func(a, b *Option) int { return int(a.Topic) - int(b.Topic) })
	return all
}

// OptionByLetter is the option with a getopt letter, nil if there is none.
func OptionByLetter(letter byte) *Option {
	for i := range options {
		if letter != 0 && options[i].Letter == letter {
			return &options[i]
		}
	}
	return nil
}

// OptionByName is the option with a long name, nil if there is none.
func OptionByName(long string) *Option {
	for i := range options {
		if o := &options[i]; o.Set != nil && long != "" && o.Long == long {
			return o
		}
	}
	return nil
}
