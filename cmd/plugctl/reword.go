// Usage errors in the same form as plug's.

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// reword makes cobra and pflag report usage errors like plug and plugctl: the
// flag or the command, the value, then what would be right.
func reword(root *cobra.Command) {
	root.SetFlagErrorFunc(flagError)
	var each func(*cobra.Command)
	each = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			each(sub)
		}
		if check := cmd.Args; check != nil && !cmd.HasSubCommands() {
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				if check(cmd, args) == nil {
					return nil
				}
				return argsError(cmd, args)
			}
		}
	}
	each(root)
}

func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return fmt.Errorf("%s has no flag -%s", cmd.CommandPath(), unknown.GetSpecifiedName())
	case errors.As(err, &unknown):
		return fmt.Errorf("%s has no flag --%s", cmd.CommandPath(), unknown.GetSpecifiedName())
	case errors.As(err, &missing):
		value, _ := valueOf(missing.GetFlag())
		return fmt.Errorf("--%s: no value given; expected %s", missing.GetFlag().Name, value)
	case errors.As(err, &invalid):
		return fmt.Errorf("--%s %q: %w", invalid.GetFlag().Name, invalid.GetValue(), invalid.Unwrap())
	}
	return err
}

// argsError says which arguments a command expects, from its usage line.
func argsError(cmd *cobra.Command, args []string) error {
	_, names, _ := strings.Cut(cmd.Use, " ")
	switch n := len(strings.Fields(names)); {
	case n == 0:
		return fmt.Errorf("%s: unexpected argument %q; expected none", cmd.CommandPath(), args[0])
	case len(args) < n:
		return fmt.Errorf("%s: missing argument; expected %s", cmd.CommandPath(), names)
	case len(args) > n:
		return fmt.Errorf("%s: unexpected argument %q; expected only %s", cmd.CommandPath(), args[n], names)
	}
	return fmt.Errorf("%s: %q is not one of %s", cmd.CommandPath(), args[0], strings.Join(cmd.ValidArgs, ", "))
}
