// Golden files of the layout: each version's offsets and sizes, which never
// change (-update writes this version's file).

package board

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"daemon/plug/worker/version"
)

var update = flag.Bool("update", false, "write the golden file of this version's layout")

// Each version's golden file has the offset and size of every word. One
// version's never change; the next version only adds words after them.
func TestLayoutIsGolden(t *testing.T) {
	path := fmt.Sprintf("testdata/layout-v%d", version.Board)
	got := layoutText()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test -update writes it for a new version", err)
	}
	if bytes.Equal(got, want) {
		return
	}
	was, is := lines(want), lines(got)
	for name, place := range was {
		if is[name] != place {
			t.Errorf("version %d has %s at %q, not %q: a layout is never changed, raise version.Board", version.Board, name, place, is[name])
		}
	}
	for name, place := range is {
		if was[name] == "" {
			t.Errorf("%s at %s is not in %s: raise version.Board, go test -update", name, place, path)
		}
	}
}

// A master finds the words of an older version's board where its own version
// has them: new words only come into a reserve.
func TestLayoutsOnlyGrow(t *testing.T) {
	for v := version.OldestBoard; v < version.Board; v++ {
		older, err := os.ReadFile(fmt.Sprintf("testdata/layout-v%d", v))
		if err != nil {
			t.Fatal(err)
		}
		is := lines(layoutText())
		for name, place := range lines(older) {
			// The assignment is copied, at its own length; a limit is read from the head.
			if is[name] != place && name != "board.Assignment" && !strings.HasPrefix(name, "limit ") {
				t.Errorf("version %d has %s at %q, version %d at %q: raise version.OldestBoard", v, name, place, version.Board, is[name])
			}
		}
	}
}

// layoutText returns one line for each word (its name, offset and size), and
// one for each structure's size and each limit.
func layoutText() []byte {
	var text bytes.Buffer
	for _, v := range []any{assignmentHead{}, Assignment{}, Rule{}, Target{}, State{}, TargetState{}, Column{}, Row{}, Tally{}, TargetTally{}} {
		of := reflect.TypeOf(v)
		fmt.Fprintf(&text, "%v size %d\n", of, of.Size())
		places(&text, of, 0, of.String())
	}
	for _, limit := range []struct {
		name string
		n    int
	}{{"targets", TargetSlots}, {"rules", MaxRules}, {"affinity", AffinityEntries}} {
		fmt.Fprintf(&text, "limit of %s\tcount %d\n", limit.name, limit.n)
	}
	return text.Bytes()
}

func places(text *bytes.Buffer, v reflect.Type, at uintptr, name string) {
	for i := range v.NumField() {
		f := v.Field(i)
		name := name + "." + f.Name
		switch {
		case f.Name == "_":
		case f.Type.Kind() == reflect.Struct && f.Type.PkgPath() != "sync/atomic":
			places(text, f.Type, at+f.Offset, name)
		default:
			fmt.Fprintf(text, "%s\tat %d size %d\n", name, at+f.Offset, f.Type.Size())
		}
	}
}

// lines returns the offsets of a golden file by name.
func lines(text []byte) map[string]string {
	m := map[string]string{}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		name, place, ok := strings.Cut(s.Text(), "\t")
		if !ok {
			name, place, _ = strings.Cut(s.Text(), " ")
		}
		m[name] = place
	}
	return m
}
