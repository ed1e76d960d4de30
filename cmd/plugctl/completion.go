package main

import (
	"time"

	"github.com/spf13/cobra"

	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/supervisor/control"
)

func completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "completion bash|zsh|fish",
		Short:     "Print what makes a shell complete plugctl's command lines",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			}
			return root.GenFishCompletion(out, true)
		},
	}
}

// hurry is how long a shell may wait for a master's part of a completion.
const hurry = time.Second

// completeTargets offers the targets of the master that the line names so far.
func (c *ctl) completeTargets(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var offers []string
	if len(args) == 0 {
		r := c.askInAHurry(control.GetTargets)
		for _, t := range r.Targets {
			offers = append(offers, offer(t.Target, t.State))
		}
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}

// completeSessions offers the ids of its sessions.
func (c *ctl) completeSessions(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var offers []string
	r := c.askInAHurry(control.GetSessions)
	for _, s := range r.Sessions {
		offers = append(offers, offer(s.ID, s.Client+" to "+s.Target))
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}

// offer is a completion that no answer can make anything else of.
func offer(word, about string) string {
	return cobra.CompletionWithDesc(show.Clean(word), show.Clean(about))
}

func (c *ctl) askInAHurry(verb control.Verb) control.Reply {
	c.Timeout = min(c.Timeout, hurry)
	r, err := c.ask(control.Request{Verb: verb})
	if err != nil {
		return control.Reply{} // a completion has nowhere to say why
	}
	return r
}
