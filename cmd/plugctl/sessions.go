// The command sessions, and the filter flags that it shares with kill and top.

package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"daemon/plug/cmd/plugctl/pick"
	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/supervisor/control"
)

func (c *ctl) sessionsCommand() *cobra.Command {
	var filter control.Filter
	var reverse, wide bool
	key := "id"
	cmd := &cobra.Command{
		Use:   "sessions",
		Short: "List all sessions, or those that match the filters",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			r, err := c.ask(control.Request{Verb: control.GetSessions, Filter: &filter})
			if err != nil {
				return err
			}
			show.Sort(r.Sessions, key, reverse)
			return c.answer(c.table(show.Sessions(r.Sessions, wide), wide), map[string]any{"sessions": list(r.Sessions)})
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	sortFlag(flags, &key)
	flags.BoolVarP(&reverse, "reverse", "r", false, "reverse the order")
	flags.BoolVarP(&wide, "wide", "w", false, "all columns, with connect and first-byte times")
	pickFlags(flags, &filter)
	return cmd
}

func sortFlag(flags *pflag.FlagSet, key *string) {
	flags.Var(choiceValue{key, show.SortKeys()}, "sort", "sort by this column ("+*key+")")
}

// pickFlags adds a flag for each condition of a filter.
func pickFlags(flags *pflag.FlagSet, filter *control.Filter) {
	for i := range pick.Words {
		flags.Var(pickValue{filter, &pick.Words[i]}, pick.Words[i].Name, pick.Words[i].Help)
	}
}
