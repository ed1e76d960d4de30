// The command top.

package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"daemon/plug/cmd/plugctl/top"
)

func (c *ctl) topCommand() *cobra.Command {
	m := &top.Model{Sort: "age"}
	var interval time.Duration
	var count int
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show sessions and targets as they change",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.JSON {
				return c.stream(&m.Filter, m.Sort, m.Reverse, interval, count)
			}
			if count != 0 {
				return usagef("--count needs --json: without it, top runs until you quit")
			}
			if err := c.Check(); err != nil {
				return err // other errors are shown, and may be temporary
			}
			out, ok := c.stdout.(*os.File)
			if !ok {
				return top.ErrNoTerminal
			}
			return top.Run(c.Options, m, interval, os.Stdin, out)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(newTimeValue(&interval, 2*time.Second), "interval", "time between queries (2s)")
	flags.IntVar(&count, "count", 0, "with --json, stop after `N` replies; 0 = no limit (0)")
	sortFlag(flags, &m.Sort)
	flags.BoolVarP(&m.Reverse, "reverse", "r", false, "reverse the order")
	pickFlags(flags, &m.Filter)
	return cmd
}
