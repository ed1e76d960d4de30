// The command list, which shows the running plugs.

package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"daemon/plug/cmd/plugctl/reach"
	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/supervisor/control"
)

func (c *ctl) listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the plugs that are running on this system",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range []string{"control", "pidfile"} {
				if cmd.Flags().Changed(name) {
					return usagef("list shows all plugs and takes no --%s; use status for one plug", name)
				}
			}
			return c.showPlugs(c.Discover())
		},
	}
}

func (c *ctl) showPlugs(plugs []reach.Plug) error {
	all := []found{}
	table := &show.Table{Columns: []show.Column{{Head: "PLUG"}, {Head: "MODE"}, {Head: "STATE"}, {Head: "PID", Right: true},
		{Head: "SESSIONS", Right: true}, {Head: "VERSION"}, {Head: "CONTROL"}}, Spare: []string{"VERSION", "MODE"}}
	for _, p := range plugs {
		one := found{Control: p.Control, Status: p.Status}
		switch {
		case p.Denied():
			one.Error = "you may not query it"
		case p.Err != nil:
			one.Error = p.Err.Error()
		}
		all = append(all, one)
		table.Rows = append(table.Rows, one.row())
	}
	return c.answer(c.table(table, false), map[string]any{"plugs": all})
}

// found is a plug in the output of list.
type found struct {
	Control string          `json:"control"`
	Status  *control.Status `json:"status,omitempty"`
	Error   string          `json:"error,omitempty"`
}

func (f *found) row() []string {
	if f.Status == nil {
		return []string{"-", "-", "no answer", "-", "-", "-", f.Control}
	}
	s := f.Status
	return []string{s.Label, s.Mode, show.Phase(s), strconv.Itoa(s.PID), strconv.Itoa(s.Sessions), s.Build, f.Control}
}
