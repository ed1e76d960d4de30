// The output of --help.

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"daemon/plug/cmd/plugctl/show"
)

// usage is for --help: it prints a command's usage line, its commands or
// flags, and the global flags, in the order of their definition.
func usage(w io.Writer, cmd *cobra.Command) {
	fmt.Fprintf(w, "usage: %s\n", cmd.UseLine())
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintln(w, "\nCommands:")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(w, "  %-12s %s\n", sub.Name(), sub.Short)
			}
		}
	}
	global := cmd.Root().PersistentFlags()
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	own.SortFlags = false
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if global.Lookup(f.Name) == nil {
			own.AddFlag(f)
		}
	})
	flags(w, "Flags:", own)
	flags(w, "Global flags:", global)
	if own.Lookup("sort") != nil {
		fmt.Fprintf(w, "\nKEY is %s.\n", strings.Join(show.SortKeys(), ", "))
	}
	if own.Lookup("older-than") != nil {
		fmt.Fprint(w, "\nA session must match all filters given.\n")
	}
	if cmd.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", cmd.Example)
	}
	fmt.Fprint(w, "\nTIME is in seconds, or has units, as in 90 or 1h30m.\n")
}

func flags(w io.Writer, head string, set *pflag.FlagSet) {
	if !set.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(w, "\n%s\n", head)
	set.VisitAll(func(f *pflag.Flag) {
		name := "    --" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", --" + f.Name
		}
		value, help := valueOf(f)
		fmt.Fprintf(w, "  %-30s %s\n", strings.TrimRight(name+" "+value, " "), help)
	})
}

// valueOf is the name of a flag's value in the usage, "" if it takes none, and
// the flag's help.
func valueOf(f *pflag.Flag) (value, help string) {
	value, help = pflag.UnquoteUsage(f)
	if f.Value.Type() == "bool" {
		value = ""
	}
	return value, help
}
