// Tests of titles as the kernel and ps show them.

package title

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// shapes are lists of arguments: short, long, longer than a page, with empty
// ones in every position.
var shapes = map[string][]string{
	"one letter":      {"p"},
	"name":            {"plug"},
	"command line":    {"/usr/local/sbin/plug", "-nl", "119", "10.0.3.15:119"},
	"page less one":   {strings.Repeat("p", 4094)},
	"page":            {strings.Repeat("p", 4095)},
	"page and one":    {strings.Repeat("p", 4096)},
	"beyond the page": {"plug", strings.Repeat("x", 6000), "119"},
	"empty first":     {"", "a"},
	"empty last":      {"plug", "", ""},
	"empty within":    {"plug", "", "", "119", "", "x"},
	"all but empty":   {"", "", "p", ""},
}

func TestRoomIsTheKernels(t *testing.T) {
	for name, args := range shapes {
		for _, what := range []string{"args", "env"} {
			t.Run(name+" "+what, func(t *testing.T) {
				c := start(t, what, args, "A=1", "B="+strings.Repeat("b", 100))
				room := c.room()
				edges, ok := parseStat([]byte(c.proc("stat")))
				if !ok {
					t.Fatal("no edges in /proc/PID/stat")
				}
				want := edges[1] - edges[0]
				if what == "env" {
					want = edges[3] - edges[0]
				}
				if want = min(want-1, maxTitle); room != int(want) {
					t.Errorf("room %d, want %d of %d", room, want, edges)
				}
			})
		}
	}
}

// Every title is shown exactly, up to the room: first the lengths around each
// limit, then any lengths in any order. The kernel ends a title with one NUL.
func TestShownExactly(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for name, args := range shapes {
		for _, what := range []string{"args", "env"} {
			t.Run(name+" "+what, func(t *testing.T) {
				c := start(t, what, args, "A=1", "B=2")
				room, length := c.room(), len(strings.Join(args, " "))+1
				lengths := []int{1, 0, 1}
				for edge := -3; edge <= 3; edge++ {
					lengths = append(lengths, max(0, length+edge), max(0, room+edge))
				}
				for range 100 {
					lengths = append(lengths, random.IntN(room+10))
				}
				for range 2 {
					random.Shuffle(len(lengths), func(i, j int) { lengths[i], lengths[j] = lengths[j], lengths[i] })
					for i, n := range lengths {
						title := strings.Repeat(string(rune('a'+i%26)), n)
						c.tell("set " + title)
						want := title[:min(n, room)] + "\x00"
						if got := c.proc("cmdline"); got != want {
							t.Fatalf("title of %d bytes, room %d, arguments %d:\ngot  %q\nwant %q", n, room, length, got, want)
						}
					}
				}
			})
		}
	}
}

func TestArgumentsStay(t *testing.T) {
	for name, args := range shapes {
		c := start(t, "env", args)
		c.tell("set " + strings.Repeat("x", 5000))
		if got, want := c.tell("args"), fmt.Sprintf("%q true", args); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestPs(t *testing.T) {
	ps, err := exec.LookPath("ps")
	if err != nil {
		t.Skip("no ps")
	}
	c := start(t, "args", []string{"plug", "worker", strings.Repeat("x", 60)})
	c.tell("comm plug")
	for _, title := range []string{"plug: 119 spare", "plug: 119 10.1.2.3:40112 > 10.0.3.15:119", "p"} {
		c.tell("set " + title)
		got, err := exec.Command(ps, "-ww", "-o", "comm=,args=", "-p", strconv.Itoa(c.pid)).Output()
		if err != nil {
			t.Fatal(err)
		}
		name, shown, _ := strings.Cut(string(got), " ")
		if shown = strings.TrimLeft(shown, " "); name != "plug" || shown != title+"\n" {
			t.Errorf("got %q, want %q", got, title)
		}
	}
}

func TestComm(t *testing.T) {
	c := start(t, "args", []string{"plug"})
	for _, test := range []struct{ order, want string }{
		{"comm plug", "plug"},
		{"comm a-name-beyond-all-measure", "a-name-beyond-a"},
		{"comm x", "x"},
		{"commany plug", "plug"},
		{"commany a-name-beyond-all-measure", "a-name-beyond-a"},
	} {
		if answer := c.tell(test.order); answer != "ok" && answer != "<nil>" {
			t.Errorf("%s: %s", test.order, answer)
		}
		if got := c.proc("comm"); got != test.want+"\n" {
			t.Errorf("%s: got %q", test.order, got)
		}
	}
}

// While titles change, readers see titles, possibly mixed, and nothing else.
func TestReadWhileSet(t *testing.T) {
	c := start(t, "env", []string{"plug", strings.Repeat("x", 60)}, "A="+strings.Repeat("a", 60))
	room := c.room()
	c.tell("set " + strings.Repeat("L", room))
	c.tell("flip")
	seen := map[string]bool{}
	for range 20_000 {
		got := c.proc("cmdline")
		if len(got) > room+1 || strings.Trim(got, "Les.\x00") != "" {
			t.Fatalf("seen: %q", got)
		}
		seen[got] = true
	}
	if len(seen) < 2 {
		t.Errorf("nothing changed in %d reads", 20_000)
	}
}

func TestParseStat(t *testing.T) {
	line := "7 (a) b (c) R" + strings.Repeat(" 0", 44) + " 10 20 20 30 0\n"
	if edges, ok := parseStat([]byte(line)); !ok || edges != [4]uint64{10, 20, 20, 30} {
		t.Errorf("%d %t", edges, ok)
	}
	for _, bad := range []string{"", "7 (a) R 1 2\n", strings.Replace(line, " 20 30", " x 30", 1), line[:strings.Index(line, " 30")]} {
		if edges, ok := parseStat([]byte(bad)); ok {
			t.Errorf("%q: %d", bad, edges)
		}
	}
}
