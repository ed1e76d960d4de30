// Tests of --config, --check, --dump and --convert: the file for a command line says the
// same, and every example is right.

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// answered returns what a command line prints with exit status 0.
func answered(t *testing.T, argv ...string) string {
	t.Helper()
	asked, err := parseCommandLine(argv, everything())
	if err != nil {
		var files *fileError
		if errors.As(err, &files) {
			t.Fatalf("%q: %s", argv, files.loaded.Complaints())
		}
		t.Fatalf("%q: %v", argv, err)
	}
	return asked.answer()
}

// inFile writes a file for --config.
func inFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// flat is what --check shows of a file with one plug, in the form in which it shows a
// command line, as far as that has the same values.
func flat(t *testing.T, text string) map[string]string {
	t.Helper()
	var process, plugs, plug map[string]json.RawMessage
	read := func(text []byte, to *map[string]json.RawMessage) {
		t.Helper()
		if err := json.Unmarshal(text, to); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
	read([]byte(text), &process)
	read(process["plugs"], &plugs)
	for _, one := range plugs {
		read(one, &plug)
	}
	var listeners []struct{ Source json.RawMessage }
	if err := json.Unmarshal(plug["listeners"], &listeners); err != nil || len(plugs) != 1 || len(listeners) != 1 {
		t.Fatalf("%d plugs, %d listeners, %v; expected one of each in %s", len(plugs), len(listeners), err, text)
	}
	out := map[string]string{"source": string(listeners[0].Source)}
	for _, all := range []map[string]json.RawMessage{process, plug} {
		for name, value := range all {
			if name != "plugs" && name != "listeners" && name != "target-names" {
				out[name] = compact(t, value)
			}
		}
	}
	return out
}

func compact(t *testing.T, text []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// For every good line of the table, the file that --convert prints shows the same values
// as the line, and so do its dump, the dump of that and the JSON form.
func TestConvert(t *testing.T) {
	converted := 0
	for _, e := range readEntries(t, "testdata/commandlines.txt") {
		if e.shown == nil || !e.applies() {
			continue
		}
		t.Run(strconv.Itoa(e.line), func(t *testing.T) {
			argv := append([]string{"--control", "none"}, e.argv...)
			var shown map[string]json.RawMessage
			if err := json.Unmarshal([]byte(answered(t, append([]string{"--check"}, argv...)...)), &shown); err != nil {
				t.Fatal(err)
			}
			file := inFile(t, "one.hcl", answered(t, append([]string{"--convert"}, argv...)...))
			dump := answered(t, "--dump", "-c", file)
			dumped := inFile(t, "two.hcl", dump)
			if again := answered(t, "--dump", "-c", dumped); again != dump {
				t.Errorf("the dump of the dump is\n%s\nexpected\n%s", again, dump)
			}
			inJSON := inFile(t, "three.hcl.json", answered(t, "--dump=json", "-c", file))
			for _, path := range []string{file, dumped, inJSON} {
				check := []string{"--check", "-c", path}
				if string(shown["foreground"]) == "true" { // which only a command line can say
					check = append(check, "-n")
				}
				got := flat(t, answered(t, check...))
				for name, value := range shown {
					if want := compact(t, value); got[name] != want {
						t.Errorf("%s: %s is %s, expected %s", filepath.Base(path), name, got[name], want)
					}
				}
				if len(got) != len(shown) {
					t.Errorf("%s: %d values, expected %d", filepath.Base(path), len(got), len(shown))
				}
			}
		})
		converted++
	}
	if converted < 60 {
		t.Errorf("%d lines converted; expected 60 or more", converted)
	}
}

// A value that no file can have is an error of --convert.
func TestConvertOddBytes(t *testing.T) {
	for _, path := range []string{"/x\xff", "/e\u0301"} {
		if _, err := parseCommandLine([]string{"--convert", "-S", path, "80", "10.0.0.1"}, everything()); err == nil || !strings.Contains(err.Error(), "--convert: ") {
			t.Errorf("%q: %v", path, err)
		}
	}
	if text := answered(t, "--convert", "-S", "/${x}\n\"%{\\", "80", "10.0.0.1"); !strings.Contains(text, `session-log = "/$${x}\n\"%%{\\"`) {
		t.Error(text)
	}
}

// What cannot be given together is refused.
func TestConfigAlone(t *testing.T) {
	file := inFile(t, "a.hcl", "plug \"a\" {\n  listen  = [80]\n  targets = [\"10.0.0.1\"]\n}\n")
	for line, want := range map[string]string{
		"-c FILE 80 10.0.0.1":       `source "80": not possible with --config`,
		"-c FILE --mode pool":       "--mode: not possible with --config; expected mode in the file",
		"-c FILE -f":                "-f: not possible with --config; expected sticky in the file",
		"-c FILE --convert":         "--convert: expected a command line without --config",
		"-c FILE --explain":         "--explain: expected with --check",
		"--check --explain 80 ::1":  "--explain: expected with --check --config PATH",
		"--dump 80 ::1":             "--dump: expected with --config PATH; --convert prints",
		"--dump=xml -c FILE":        `--dump "xml": expected hcl or json`,
		"-c":                        "-c: missing value; expected PATH",
		"--config= 80 10.0.0.1":     `--config "": expected the path of a file`,
		"--convert --check 80":      "target: none given",
		"-c FILE -c /nowhere/a.hcl": "Cannot use /nowhere/a.hcl: no such file or directory",
	} {
		_, err := parseCommandLine(strings.Fields(strings.ReplaceAll(line, "FILE", file)), everything())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %q", line, err, want)
		}
	}
	asked, err := parseCommandLine([]string{"-ndP/x", "-c", file}, everything())
	if err != nil || asked.answer() != "" || asked.config.Pidfile != "/x" || asked.config.Debug != 1 || !asked.config.Foreground || asked.config.Files == nil {
		t.Errorf("%+v, %v", asked, err)
	}
}

// Every error of a broken file goes to stderr, nothing to stdout, and the status is 5.
func TestBrokenFilesStatus(t *testing.T) {
	table, err := os.ReadFile("../../supervisor/config/testdata/broken.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Split(string(table), "\n> ")[1:]
	for _, one := range all {
		name, rest, _ := strings.Cut(one, "\n")
		text, _, _ := strings.Cut(rest, "<\n")
		for _, argv := range [][]string{{"--check"}, nil} {
			var stdout, stderr bytes.Buffer
			got, status, why := readCommandLine(append(argv, "--config", inFile(t, name, text)), &stdout, &stderr)
			if got != nil || status != statusUsage || why == nil || stdout.Len() > 0 || !strings.HasPrefix(stderr.String(), "Error: ") {
				t.Errorf("%s: status %d, %v, stdout %q, stderr %q", name, status, why, &stdout, &stderr)
			}
		}
	}
	if len(all) < 60 {
		t.Errorf("%d files; expected 60 or more", len(all))
	}
}

// Each example is right, causes no warning, and its dump says the same.
func TestExamples(t *testing.T) {
	var paths []string
	err := filepath.WalkDir("examples", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != "examples": // served as a folder
			paths = append(paths, path)
			return fs.SkipDir
		case !e.IsDir():
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil || len(paths) < 4 || !slices.Contains(paths, filepath.Join("examples", "many")) {
		t.Fatalf("%q, %v", paths, err)
	}
	for _, path := range paths {
		asked, err := parseCommandLine([]string{"--check", "-c", path}, everything())
		if err != nil {
			var files *fileError
			if errors.As(err, &files) {
				t.Error(files.loaded.Complaints())
			}
			continue
		}
		if strings.Contains(strings.ReplaceAll(asked.notes, "Others than root", ""), "Warning: No ") {
			t.Errorf("%s: %s", path, asked.notes)
		}
		dump := answered(t, "--dump", "-c", path)
		if again := answered(t, "--dump", "-c", inFile(t, "a.hcl", dump)); again != dump {
			t.Errorf("%s: the dump of the dump is\n%s\nexpected\n%s", path, again, dump)
		}
	}
}
