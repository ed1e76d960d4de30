// The command line: its options are put into a draft of the configuration, in the order
// in which they were given.

package main

import (
	"errors"
	"strconv"

	"github.com/spf13/pflag"

	"daemon/plug/supervisor/config"
)

// version is what -V shows; a release sets it with -ldflags "-X main.version=…".
var version = "3.0.0-dev"

// command is what a command line asks for: one of the three answers, or, without any of
// them, to serve.
type command struct {
	help, version, check bool

	config   *config.Config // nil for help and version
	warnings []string       // one line each, for stderr
}

// usageError is an error in a command line; its text is one line.
type usageError struct{ reason string }

func (e *usageError) Error() string { return e.reason }

// parser is the state while options are read one by one.
type parser struct {
	draft *config.Draft
	typed map[string]string // long name → how it was last written
}

// parseCommandLine reads argv without the command's name, and checks all of it. Its error
// is a *usageError. The first -V or --help ends the parsing, and so does the first error.
func parseCommandLine(argv []string, system *config.System) (*command, error) {
	p := &parser{draft: config.NewDraft(system), typed: make(map[string]string)}
	spelled, badSpelling := spellOut(argv)
	flags := flagSet()
	err := flags.ParseAll(spelled.args, p.taker(spelled.typed))
	if err == nil {
		err = badSpelling
	}
	out := &command{help: p.draft.Help, version: p.draft.Version, check: p.draft.Check}
	if spelled.old {
		out.warnings = append(out.warnings, "-s: ignored; the usage text of plugdaemon 2.5.5 listed it, but the program never accepted it")
	}
	switch {
	case errors.Is(err, errAnswer):
		return out, nil
	case err != nil:
		return nil, &usageError{err.Error()}
	}
	p.draft.Args = flags.Args()
	out.config, err = p.draft.Finish()
	if err != nil {
		return nil, &usageError{p.asTyped(err).Error()}
	}
	return out, nil
}

// errAnswer ends the parsing at -V and --help.
const errAnswer = answer("answer")

type answer string

func (a answer) Error() string { return string(a) }

// flagSet tells pflag the long names. It sets nothing itself: the values go to the draft,
// in the order in which they were given.
func flagSet() *pflag.FlagSet {
	flags := pflag.NewFlagSet("plug", pflag.ContinueOnError)
	for _, o := range config.Options() {
		switch {
		case o.Long == "":
		case o.Arg == "":
			flags.Bool(o.Long, false, o.Help)
		default:
			flags.String(o.Long, "", o.Help)
		}
	}
	return flags
}

// taker passes one option after another to the draft, and records how each was typed, for
// the error.
func (p *parser) taker(typed []string) func(*pflag.Flag, string) error {
	return func(flag *pflag.Flag, value string) error {
		name := typed[0]
		typed = typed[1:]
		p.typed[flag.Name] = name
		if err := p.draft.Take(config.OptionByName(flag.Name), value); err != nil {
			return errors.New(name + " " + strconv.Quote(value) + ": " + err.Error())
		}
		if p.draft.Help || p.draft.Version {
			return errAnswer
		}
		return nil
	}
}

// asTyped makes a problem name its option as the user wrote it.
func (p *parser) asTyped(err error) error {
	var problem *config.Problem
	if errors.As(err, &problem) && p.typed[problem.Option] != "" {
		problem.Option = p.typed[problem.Option]
	}
	return err
}
