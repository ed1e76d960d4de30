// A test of records in their JSON form: everything that a master counts reaches
// the next one.

package handover

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
)

// Everything that a master counts reaches the next one.
func TestEstateTotalsSurvive(t *testing.T) {
	var sent, got EndRecord
	fill(reflect.ValueOf(&sent).Elem(), new(int))
	p, err := json.Marshal(&sent)
	if err == nil {
		err = json.Unmarshal(p, &got)
	}
	if err != nil || !reflect.DeepEqual(sent.Totals, got.Totals) || !slices.Equal(sent.Lines, got.Lines) {
		t.Errorf("%s: %+v, sent %+v, %v", p, got, sent, err)
	}
}
