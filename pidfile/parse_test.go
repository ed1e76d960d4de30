// Tests of Parse.

package pidfile

import (
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	tests := []struct {
		in   string
		want []int
		err  string
	}{
		{"1\n", []int{1}, ""},
		{"4711\n4712\n12\n", []int{4711, 4712, 12}, ""},
		{"2147483647\n", []int{2147483647}, ""},
		{"4711\n4712\n\n\n", []int{4711, 4712}, ""},
		{"", nil, "empty"},
		{"4711", nil, "truncated"},
		{"4711\n47", nil, "truncated"},
		{"\n", nil, "line 1"},
		{"\n4711\n", nil, "line 1"},
		{"4711\n\n4712\n", nil, "line 2"},
		{"4711\nabc\n", nil, "line 2"},
		{"4711 \n", nil, "line 1"},
		{"4711\r\n", nil, "line 1"},
		{"-4711\n", nil, "line 1"},
		{"+4711\n", nil, "line 1"},
		{"0\n", nil, "line 1"},
		{"04711\n", nil, "line 1"},
		{"2147483648\n", nil, "line 1"},
		{"99999999999999999999999\n", nil, "line 1"},
		{"4711\x00\n", nil, "line 1"},
	}
	for _, tt := range tests {
		got, err := Parse([]byte(tt.in))
		if !slices.Equal(got, tt.want) || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("Parse(%q) = %v, %v; want %v, %q", tt.in, got, err, tt.want, tt.err)
		}
	}
}

// The PIDs that Parse returns, written again, are the parsed content.
func FuzzParse(f *testing.F) {
	f.Add([]byte("4711\n4712\n"))
	f.Add([]byte("1\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		pids, err := Parse(b)
		if err != nil {
			return
		}
		var p File
		if err := p.format(pids); err != nil {
			t.Fatalf("Parse(%q) = %v, which Write refuses: %v", b, pids, err)
		}
		if string(p.buf) != strings.TrimRight(string(b), "\n")+"\n" {
			t.Fatalf("Parse(%q) = %v, written as %q", b, pids, p.buf)
		}
	})
}
