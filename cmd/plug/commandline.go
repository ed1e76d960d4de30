// The command line: its options are put into a draft of the configuration, in the order
// in which they were given.

package main

import (
	"encoding/json"
	"errors"
	"strconv"

	"github.com/spf13/pflag"

	"daemon/plug/supervisor/config"
)

// version is what -V shows; a release sets it with -ldflags "-X main.version=…".
var version = "3.0.0-dev"

// command is what a command line asks for: one of the answers, or, without any of them, to
// serve.
type command struct {
	help, version bool
	text          string // the answer of --check, --dump or --convert

	config   *config.Config // nil for help and version
	warnings []string       // one line each, for stderr
	notes    string         // what there is to say of configuration files
}

// usageError is an error in a command line; its text is one line.
type usageError struct{ reason string }

func (e *usageError) Error() string { return e.reason }

// fileError is what is wrong with configuration files.
type fileError struct{ loaded *config.Loaded }

func (e *fileError) Error() string { return e.loaded.First() }

// parser is the state while options are read one by one.
type parser struct {
	draft *config.Draft
	typed map[string]string // long name → how it was last written
}

// parseCommandLine reads argv without the command's name, and checks all of it. Its error
// is a *usageError or a *fileError. The first -V or --help ends the parsing, and so does the first error.
func parseCommandLine(argv []string, system *config.System) (*command, error) {
	p := &parser{draft: config.NewDraft(system), typed: make(map[string]string)}
	spelled, badSpelling := spellOut(argv)
	flags := flagSet()
	err := flags.ParseAll(spelled.args, p.taker(spelled.typed))
	if err == nil {
		err = badSpelling
	}
	out := &command{help: p.draft.Help, version: p.draft.Version}
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
	if p.draft.Files.Paths != nil {
		return out, p.load(out, system)
	}
	return out, p.finish(out, system)
}

// finish checks a command line that describes a plug.
func (p *parser) finish(out *command, system *config.System) (err error) {
	if p.draft.Explain {
		return &usageError{"--explain: expected with --check --config PATH"}
	}
	if out.config, err = p.draft.Finish(); err != nil {
		return &usageError{p.asTyped(err).Error()}
	}
	switch d := p.draft; {
	case d.Convert:
		if out.text, err = out.config.Convert(p.given, system); err != nil {
			return &usageError{"--convert: " + err.Error()}
		}
	case d.Dump != "":
		return &usageError{"--dump: expected with --config PATH; --convert prints the file for a command line"}
	case d.Check:
		out.text = indented(out.config.Values(0))
	}
	return nil
}

func (p *parser) given(long string) bool { return p.typed[long] != "" }

// load reads and checks configuration files.
func (p *parser) load(out *command, system *config.System) error {
	d := p.draft
	if err := p.onlyWithFiles(); err != nil {
		return err
	}
	files := d.Files
	files.Pidfile, files.Debug, files.Foreground = d.Pidfile, d.Debug, d.Foreground
	files.Lenient, files.Advise = d.Check || d.Dump != "", d.Check
	loaded := files.Load(system)
	if loaded.Config == nil {
		return &fileError{loaded}
	}
	out.config, out.notes = loaded.Config, loaded.Complaints()
	switch {
	case d.Dump == "json":
		out.text = loaded.DumpJSON()
	case d.Dump != "":
		out.text = loaded.Dump()
	case d.Check && d.Explain:
		out.text = loaded.Explain()
	case d.Check:
		out.text = indented(loaded.Config)
	}
	return nil
}

// onlyWithFiles checks that the command line has nothing that belongs into a file.
func (p *parser) onlyWithFiles() error {
	for long, typed := range p.typed {
		o := config.OptionByName(long)
		if o.Scope != config.ScopeCommand && long != "debug" && long != "pidfile" {
			return &usageError{typed + ": not possible with --config; expected " + long + " in the file"}
		}
	}
	switch {
	case len(p.draft.Args) > 0:
		return &usageError{"source " + strconv.Quote(p.draft.Args[0]) + ": not possible with --config; expected sources and targets in the file"}
	case p.draft.Convert:
		return &usageError{"--convert: expected a command line without --config"}
	case p.draft.Explain && !p.draft.Check:
		return &usageError{"--explain: expected with --check"}
	}
	return nil
}

// indented is a value as JSON.
func indented(value any) string {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		panic(err) // strings, numbers and flags: JSON can represent all of them
	}
	return string(text) + "\n"
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
