// Shell completion: the scripts, and the words that a master's answer offers.

package main

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"daemon/plug/cmd/plugctl/pick"
	"daemon/plug/cmd/plugctl/show"
	"daemon/plug/supervisor/control"
)

func completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "completion bash|zsh|fish",
		Short:     "Print a shell completion script",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return bashCompletion(root, out)
			case "zsh":
				return root.GenZshCompletion(out)
			}
			return root.GenFishCompletion(out, true)
		},
	}
}

// Cobra's script compares the typed text with the words as bash would quote
// them: an IPv6 target whose [ was typed without a backslash would not be
// found.
const (
	quotedOnly   = `[[ $comp == "$cur"* ]] || continue`
	quotedOrBare = `[[ $comp == "$cur"* || ${compline%%$tab*} == "$cur"* ]] || continue`
)

func bashCompletion(root *cobra.Command, out io.Writer) error {
	var script strings.Builder
	if err := root.GenBashCompletionV2(&script, true); err != nil {
		return err
	}
	_, err := io.WriteString(out, strings.Replace(script.String(), quotedOnly, quotedOrBare, 1))
	return err
}

// hurry is how long a shell waits for a master's part of a completion.
const hurry = time.Second

// completeTargets offers the targets of the master that the command line
// names.
func (c *ctl) completeTargets(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return c.offerTargets(), cobra.ShellCompDirectiveNoFileComp
}

func (c *ctl) offerTargets() (offers []string) {
	for _, t := range c.askInAHurry(control.GetTargets).Targets {
		offers = append(offers, offer(t.Target, t.State))
	}
	return offers
}

// completeSessions offers the IDs of that master's sessions.
func (c *ctl) completeSessions(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return c.offerSessions(), cobra.ShellCompDirectiveNoFileComp
}

func (c *ctl) offerSessions() (offers []string) {
	for _, s := range c.askInAHurry(control.GetSessions).Sessions {
		offers = append(offers, offer(s.ID, s.Client+" to "+s.Target))
	}
	return offers
}

// completeFlags offers values for a command's flags: known words, and what the
// master's sessions and targets have.
func (c *ctl) completeFlags(cmd *cobra.Command) {
	known := func(words []string) func() []string { return func() []string { return words } }
	ofSessions := func(value func(*control.Session) string, about string) func() []string {
		return func() (offers []string) {
			for _, s := range c.askInAHurry(control.GetSessions).Sessions {
				offers = append(offers, offer(value(&s), about))
			}
			slices.Sort(offers)
			return slices.Compact(offers)
		}
	}
	build := func(s *control.Session) string { return s.Build }
	for name, values := range map[string]func() []string{
		"sort":           known(show.SortKeys()),
		"state":          known(pick.States),
		"manager":        known([]string{"systemd", "openrc", "sysv", "rc"}),
		"target":         c.offerTargets,
		"id":             c.offerSessions,
		"pid":            ofSessions(func(s *control.Session) string { return strconv.Itoa(s.PID) }, "worker"),
		"plug":           ofSessions(func(s *control.Session) string { return s.Plug }, "plug"),
		"client":         ofSessions(func(s *control.Session) string { return s.Client }, "client"),
		"worker-version": ofSessions(build, "version"),
		"other-version":  ofSessions(build, "version"),
	} {
		if cmd.Flags().Lookup(name) != nil {
			cmd.RegisterFlagCompletionFunc(name, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
				return values(), cobra.ShellCompDirectiveNoFileComp
			})
		}
	}
	for _, sub := range cmd.Commands() {
		c.completeFlags(sub)
	}
}

// offer returns a completion in which nothing from an answer has a special
// meaning.
func offer(word, about string) string {
	return cobra.CompletionWithDesc(show.Clean(word), show.Clean(about))
}

func (c *ctl) askInAHurry(verb control.Verb) control.Reply {
	c.Timeout = min(c.Timeout, hurry)
	r, err := c.ask(control.Request{Verb: verb})
	if err != nil {
		return control.Reply{} // a completion cannot report an error
	}
	return r
}
