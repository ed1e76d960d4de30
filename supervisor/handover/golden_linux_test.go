// A test that pins every message of the protocol's version: names, types and order
// of all fields.

package handover

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"daemon/plug/worker/version"
)

var update = flag.Bool("update", false, "write the golden file of this version")

// Each version of the protocol has a golden file of its messages. A change of a
// message is a new version: it may add fields, and a master ignores those that it
// does not know.
func TestMessagesArePinned(t *testing.T) {
	var text strings.Builder
	for _, m := range []Message{
		{Kind: KindHello, Protocol: 1, Oldest: 1, Version: "3.0", PID: 2},
		{Kind: KindOffer, Offer: filled[Offer]()},
		{Kind: KindPlug, Plug: filled[PlugOffer]()},
		{Kind: KindFreeze},
		{Kind: KindGeneration, Generation: filled[GenerationRecord]()},
		{Kind: KindChildren, Children: []ChildRecord{*filled[ChildRecord]()}},
		{Kind: KindTaken},
		{Kind: KindState, State: filled[PlugState]()},
		{Kind: KindLines, Lines: filled[LineBatch]()},
		{Kind: KindEnd, End: filled[EndRecord]()},
		{Kind: KindVerified},
		{Kind: KindCommit},
		{Kind: KindCommitted},
		{Kind: KindAbort, Reason: "a reason"},
	} {
		line, err := json.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%s\n", line)
	}
	path := fmt.Sprintf("testdata/messages-v%d", version.Handover)
	if *update {
		os.MkdirAll("testdata", 0o755)
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != text.String() {
		t.Errorf("messages differ from %s; a new form is a new version (see package version), with its own file (go test -update)", path)
	}
}

// filled returns a record of which no field has its zero value.
func filled[T any]() *T {
	v := new(T)
	fill(reflect.ValueOf(v).Elem(), new(int))
	return v
}
