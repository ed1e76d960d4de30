// The commands that show a plug: status, targets, workers and config.

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/supervisor/control"
)

func (c *ctl) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show a summary of the plug, or of each of several",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			r, err := c.ask(control.Request{Verb: control.GetStatus})
			if err != nil {
				return err
			}
			if r.Status == nil {
				return errEmpty
			}
			if len(r.Plugs) > 1 {
				text := show.Master(r.Status, c.now()) + "\n" + c.table(show.Plugs(r.Plugs), false)
				return c.answer(text, map[string]any{"status": r.Status, "plugs": r.Plugs})
			}
			return c.answer(show.Status(r.Status, c.now()), map[string]any{"status": r.Status})
		},
	}
}

func (c *ctl) targetsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "targets",
		Short: "List the targets",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			r, err := c.ask(control.Request{Verb: control.GetTargets})
			if err != nil {
				return err
			}
			return c.answer(c.table(show.Targets(r.Targets), false), map[string]any{"targets": list(r.Targets)})
		},
	}
}

func (c *ctl) workersCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "workers",
		Short: "List the workers",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			r, err := c.ask(control.Request{Verb: control.GetWorkers})
			if err != nil {
				return err
			}
			return c.answer(c.table(show.Workers(r.Workers), false), map[string]any{"workers": list(r.Workers)})
		},
	}
}

func (c *ctl) configCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Show the options in effect",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			r, err := c.ask(control.Request{Verb: control.GetConfig})
			if err != nil {
				return err
			}
			if r.Config == nil {
				return errEmpty
			}
			return c.answer(show.Config(r.Config), map[string]any{"config": r.Config})
		},
	}
}

// errEmpty is for a master that violates the protocol.
var errEmpty = fmt.Errorf("the master's answer lacks what was requested")
