// Command tally runs go test -json, once or several times, and prints the
// result: a line for each package, every failure in full, every skip with its
// reason, and as its last line "N passed, N failed, N skipped".
//
//	tally go test -json ./a/... [-- env X=1 go test -json ./b ...]
//
// Tests that only hold subtests are not counted themselves. The exit status is
// 1 after a failure, after a command that failed without naming a failed test,
// and when no test ran at all.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

func main() {
	commands := split(os.Args[1:])
	if len(commands) == 0 {
		fmt.Fprintln(os.Stderr, "usage: tally COMMAND ... [-- COMMAND ...]")
		os.Exit(2)
	}
	var t tally
	for _, argv := range commands {
		if err := run(&t, argv); err != nil {
			t.commandFailed(strings.Join(argv, " "), err)
		}
	}
	os.Exit(t.finish(os.Stdout))
}

// split splits the arguments at "--" into command lines.
func split(args []string) (commands [][]string) {
	var now []string
	for _, a := range append(args, "--") {
		if a != "--" {
			now = append(now, a)
		} else if len(now) > 0 {
			commands, now = append(commands, now), nil
		}
	}
	return commands
}

// run passes one command's output to t and returns the command's error.
func run(t *tally, argv []string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	t.begin()
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			t.line(line, os.Stdout)
		}
		if err != nil {
			break
		}
	}
	return cmd.Wait()
}
