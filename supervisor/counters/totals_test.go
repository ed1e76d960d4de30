// Tests of sums: every number in two totals is added, except those that are not
// sums.

package counters

import (
	"reflect"
	"testing"
)

// When two masters' totals are added, every number that a master counts is
// included, except those that are not sums.
func TestTotalsAdd(t *testing.T) {
	var a, b, sum Totals
	n := 0
	fill(reflect.ValueOf(&a).Elem(), &n)
	fill(reflect.ValueOf(&b).Elem(), &n)
	sum = a
	sum.Add(&b)
	if sum.Started != b.Started || sum.Shown != b.Shown {
		t.Errorf("started %d, shown %+v", sum.Started, sum.Shown)
	}
	sum.Started, sum.Shown = 0, Shown{}
	a.Started, a.Shown, b.Started, b.Shown = 0, Shown{}, 0, Shown{}
	both(t, "", reflect.ValueOf(sum), reflect.ValueOf(a), reflect.ValueOf(b))
}

func both(t *testing.T, name string, sum, a, b reflect.Value) {
	switch sum.Kind() {
	case reflect.Struct:
		for i := range sum.NumField() {
			both(t, name+"."+sum.Type().Field(i).Name, sum.Field(i), a.Field(i), b.Field(i))
		}
	case reflect.Array:
		for i := range sum.Len() {
			both(t, name, sum.Index(i), a.Index(i), b.Index(i))
		}
	case reflect.Uint64:
		if sum.Uint() != a.Uint()+b.Uint() {
			t.Errorf("%s: %d and %d are %d", name, a.Uint(), b.Uint(), sum.Uint())
		}
	case reflect.Int64:
	default:
		t.Errorf("%s is a %s", name, sum.Kind())
	}
}

// fill sets every number to a different value that is not zero.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Int64:
		v.SetInt(int64(*n))
	default:
		v.SetUint(uint64(*n))
	}
}
