// The arrows of the package list in doc.go, compared with the import statements of
// all files, for every system.

package supervisor

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module     = "daemon/plug/"
	everywhere = "worker/version" // which every package may import
)

// arrows returns the packages of the list in doc.go, each with what it may import.
func arrows(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, list, ok := strings.Cut(string(text), "// # Packages\n")
	if !ok {
		t.Fatal("doc.go has no list of packages")
	}
	list, _, _ = strings.Cut(list, "\n// # ")
	may := map[string][]string{}
	above := ""
	for line := range strings.Lines(list) {
		row, ok := strings.CutPrefix(line, "//\t")
		if !ok {
			continue
		}
		what, to, ok := strings.Cut(row, "→")
		if !ok {
			t.Fatalf("no arrow: %q", row)
		}
		name, _, _ := strings.Cut(strings.TrimSpace(what), " ")
		if strings.HasPrefix(row, " ") {
			name = path.Join(above, name)
		} else {
			above = name
		}
		to, _, _ = strings.Cut(to, "(")
		for _, other := range strings.Split(to, ",") {
			switch other = strings.TrimSpace(other); other {
			case "nothing":
				other = everywhere
			case "its parts":
				other = name + "/…"
			}
			may[name] = append(may[name], other)
		}
	}
	return may
}

// allows reports whether one of the arrows permits importing a package.
func allows(arrows []string, to string) bool {
	return to == everywhere || slices.ContainsFunc(arrows, func(arrow string) bool {
		root, below := strings.CutSuffix(arrow, "/…")
		return to == root || below && strings.HasPrefix(to, root+"/")
	})
}

// importsOf calls each for every import of one package of this module by another,
// and once for every package, without an import. Test files are included only in
// test and below: elsewhere a test may import what it likes.
func importsOf(t *testing.T, each func(dir, file, to string)) {
	t.Helper()
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") {
			return err
		}
		rel, err := filepath.Rel("..", file)
		if err != nil {
			return err
		}
		if strings.HasSuffix(rel, "_test.go") && !strings.HasPrefix(filepath.ToSlash(rel), "test/") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(rel))
		each(dir, rel, "")
		for _, im := range f.Imports {
			name, err := strconv.Unquote(im.Path.Value)
			if err != nil {
				return err
			}
			if to, ours := strings.CutPrefix(name, module); ours {
				each(dir, rel, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A package imports only what the list allows, and the list names all packages and
// no others. The packages of test/bench share one row.
func TestArrows(t *testing.T) {
	may := arrows(t)
	seen := map[string]bool{}
	importsOf(t, func(dir, file, to string) {
		row := dir
		if strings.HasPrefix(dir, "test/bench/") {
			row = "test/bench"
		}
		seen[row] = true
		switch {
		case may[row] == nil:
			t.Errorf("%s: package %s is not in the list of packages of doc.go", file, dir)
		case to != "" && !allows(may[row], to):
			t.Errorf("%s: package %s must not import %s; it may import %s", file, dir, to, strings.Join(may[row], ", "))
		}
	})
	for row, to := range may {
		if !seen[row] {
			t.Errorf("doc.go lists package %s, which has no files", row)
		}
		for _, arrow := range to {
			if root, _ := strings.CutSuffix(arrow, "/…"); !seen[root] {
				t.Errorf("doc.go: %s may import %s, which does not exist", row, arrow)
			}
		}
	}
}
