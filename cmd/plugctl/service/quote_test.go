// Tests of quoting, with real shells and systemd.

package service

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// awkward are words that have broken quoting before, and random ones made of
// special characters.
func awkward(t *testing.T, n int) []string {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("PLUG_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("PLUG_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	words := []string{
		"", " ", "a b", `"`, `'`, `\`, `\\`, "$", "$$", "$HOME", "${HOME}", "%", "%%", "%n", "%d", "`id`", "$(id)", ";", "&&", "|",
		"{{Name}}", "{{", "}}", "{{{", "it's", `a"b`, "*", "?", "[a]", "~", "#", "#x", "!", "-n", "--", "=", "a=b", "\t", "\n", "a\nb", "x\\",
		"'\\''", "café", "\x7f", "\x01", "\\x41", "\\n", "@x", ":", "+", "<x>", "(", ")",
	}
	const letters = "ab \"'\\$%`;&|{}()<>*?[]~#!=\t\n-@:é"
	all := []rune(letters)
	for len(words) < n {
		var b strings.Builder
		for range 1 + rng.IntN(8) {
			b.WriteRune(all[rng.IntN(len(all))])
		}
		words = append(words, b.String())
	}
	return words
}

// A shell that reads the quoted words gets the original words.
func TestQuoteShell(t *testing.T) {
	words := awkward(t, 500)
	out, err := exec.Command("sh", "-c", `printf '%s\0' `+quoteAll(quoteShell, words)).Output()
	if err != nil {
		t.Fatal(err)
	}
	compare(t, words, strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"))
}

// systemd itself reads the quoted words: its --test mode loads units from the
// test's directory and shows the result, without running them. It refuses to
// do so as root.
func TestQuoteSystemd(t *testing.T) {
	systemd := "/lib/systemd/systemd"
	if _, err := os.Stat(systemd); err != nil {
		t.Skip("no systemd to judge the quoting; TestQuoteSystemdByTheBook does")
	}
	su, err := exec.LookPath("setpriv")
	if err != nil || os.Geteuid() != 0 {
		t.Skip("not root with setpriv: systemd --test is run as another user")
	}
	dir, err := os.MkdirTemp("", "units-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	os.Chown(dir, 65534, 65534)
	words := awkward(t, 500)
	unit := "[Service]\nType=oneshot\nExecStart=/bin/echo " + quoteAll(quoteSystemd, words) + "\n"
	if err := os.WriteFile(filepath.Join(dir, "quoted.service"), []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(su, "--reuid=65534", "--regid=65534", "--clear-groups", systemd, "--test", "--user", "--unit=quoted.service")
	cmd.Env = []string{"SYSTEMD_UNIT_PATH=" + dir + ":", "XDG_RUNTIME_DIR=" + dir, "HOME=" + dir, "PATH=/usr/bin:/bin"}
	out, err := cmd.CombinedOutput()
	const before = "Command Line: /bin/echo "
	_, line, found := strings.Cut(string(out), before)
	if !found {
		t.Skipf("systemd --test does not show the unit here (%v): %.300s", err, out)
	}
	line, _, _ = strings.Cut(line, "\n")
	read, err := readWords(line)
	if err != nil {
		t.Fatal(err)
	}
	for i := range read { // variables are expanded when the service starts
		read[i] = strings.ReplaceAll(read[i], "$$", "$")
	}
	compare(t, words, read)
}

// The same according to the text of systemd.service(5), where there is no
// systemd.
func TestQuoteSystemdByTheBook(t *testing.T) {
	words := awkward(t, 2000)
	for _, w := range words {
		q := quoteSystemd(w)
		for _, c := range []byte(q) {
			if c < ' ' || c > '~' {
				t.Fatalf("%q is written %q: not printable ASCII", w, q)
			}
		}
		if strings.Contains(strings.ReplaceAll(q, "%%", ""), "%") || strings.Contains(strings.ReplaceAll(q, "$$", ""), "$") {
			t.Fatalf("%q is written %q: something would be expanded", w, q)
		}
		read, err := readWords(q)
		if err != nil || len(read) != 1 {
			t.Fatalf("%q is written %q, which reads as %q, %v", w, q, read, err)
		}
		if got := strings.ReplaceAll(strings.ReplaceAll(read[0], "$$", "$"), "%%", "%"); got != w {
			t.Fatalf("%q is written %q, which reads as %q", w, q, got)
		}
	}
}

// readWords splits text into words in double quotes with C's escapes, as in
// units and in systemd's output.
func readWords(line string) (words []string, err error) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimLeft(line, " ") {
		if line[0] != '"' {
			word, rest, _ := strings.Cut(line, " ")
			words, line = append(words, word), rest
			continue
		}
		var b []byte
		i := 1
		for ; i < len(line) && line[i] != '"'; i++ {
			if line[i] != '\\' {
				b = append(b, line[i])
				continue
			}
			i++
			switch c := line[i]; {
			case c == 'n':
				b = append(b, '\n')
			case c == 't':
				b = append(b, '\t')
			case c == 'x':
				n, err := strconv.ParseUint(line[i+1:i+3], 16, 8)
				if err != nil {
					return nil, err
				}
				b, i = append(b, byte(n)), i+2
			case c >= '0' && c <= '7':
				n, err := strconv.ParseUint(line[i:i+3], 8, 8)
				if err != nil {
					return nil, err
				}
				b, i = append(b, byte(n)), i+2
			default:
				b = append(b, c)
			}
		}
		words, line = append(words, string(b)), line[min(i+1, len(line)):]
	}
	return words, nil
}

func compare(t *testing.T, words, read []string) {
	t.Helper()
	if slices.Equal(words, read) {
		return
	}
	for i, w := range words {
		if i >= len(read) || read[i] != w {
			t.Fatalf("word %d of %d (%d read): %q reads as %q", i, len(words), len(read), w, append(read, "nothing")[min(i, len(read))])
		}
	}
	t.Fatalf("%d words, %d read", len(words), len(read))
}
