// A test of records in their JSON form: everything that a master counts reaches
// the next one.

package handover

import (
	"encoding/json"
	"reflect"
	"testing"
)

// Everything that a master counts reaches the next one.
func TestTotalsReachTheNextMaster(t *testing.T) {
	state, end := new(PlugState), new(EndRecord)
	for _, sent := range []any{state, end} {
		fill(reflect.ValueOf(sent).Elem(), new(int))
		got := reflect.New(reflect.TypeOf(sent).Elem()).Interface()
		p, err := json.Marshal(sent)
		if err == nil {
			err = json.Unmarshal(p, got)
		}
		if e, ok := got.(*EndRecord); ok { // a time's monotonic clock and location are not sent
			e.Frozen = end.Frozen
		}
		if err != nil || !reflect.DeepEqual(sent, got) {
			t.Errorf("%s: %+v, sent %+v, %v", p, got, sent, err)
		}
	}
}
