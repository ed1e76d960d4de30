// The command kill.

package main

import (
	"slices"

	"github.com/spf13/cobra"

	"daemon/plug/cmd/plugctl/pick"
	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/supervisor/control"
)

func (c *ctl) killCommand() *cobra.Command {
	var filter control.Filter
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "kill [ID]...",
		Short: "End the sessions with these IDs, or those that match the filters",
		Args:  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, ids []string) error {
			for _, id := range ids {
				if err := pick.ID(id); err != nil {
					return usageError{err}
				}
			}
			filter.IDs = slices.Concat(filter.IDs, ids)
			switch empty := filter.Empty(); {
			case empty && !filter.All:
				return usagef("no sessions selected; expected IDs, filters or --all")
			case !empty && filter.All:
				return usagef("--all cannot be combined with IDs or other filters")
			}
			return c.kill(control.Request{Verb: control.Kill, Filter: &filter, DryRun: dryRun})
		},
		ValidArgsFunction: c.completeSessions,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVarP(&dryRun, "dry-run", "n", false, "only show the sessions that would be ended")
	flags.BoolVar(&filter.All, "all", false, "all sessions")
	pickFlags(flags, &filter)
	return cmd
}

func (c *ctl) kill(request control.Request) error {
	r, err := c.order(request)
	if err == nil && len(r.Sessions) == 0 {
		return errNone
	}
	if len(r.Sessions) == 0 {
		return err
	}
	// If some could not be ended, the others are shown all the same.
	show.Sort(r.Sessions, "id", false)
	json := map[string]any{"sessions": r.Sessions, "said": r.Said}
	if r.Changed != nil {
		json["changed"] = *r.Changed
	}
	if err != nil {
		json["error"] = err.Error()
	}
	text := c.table(show.Sessions(r.Sessions, false), false) + show.Clean(r.Said) + "\n"
	if failed := c.answer(text, json); failed != nil {
		return failed
	}
	if err != nil {
		return answeredError{err}
	}
	return nil
}
