// Tests of sums: every number in two totals is added, except those that are not
// sums.

package counters

import (
	"reflect"
	"sync/atomic"
	"testing"

	"daemon/plug/worker/board"
)

// When two masters' totals are added, every number that a master counts is
// included, except those that are not sums.
func TestTotalsAdd(t *testing.T) {
	var a, b Totals
	n := 0
	fill(reflect.ValueOf(&a).Elem(), &n)
	fill(reflect.ValueOf(&b).Elem(), &n)
	sum := a
	sum.Add(&b)
	if sum.Shown != b.Shown {
		t.Errorf("shown %+v", sum.Shown)
	}
	sum.Shown, a.Shown, b.Shown = Shown{}, Shown{}, Shown{}
	both(t, "", reflect.ValueOf(sum), reflect.ValueOf(a), reflect.ValueOf(b))
}

// The same for what the masters count besides their plugs.
func TestProcessAdd(t *testing.T) {
	var a, b Process
	n := 0
	fill(reflect.ValueOf(&a).Elem(), &n)
	fill(reflect.ValueOf(&b).Elem(), &n)
	sum := a
	sum.Add(&b)
	if sum.Started != b.Started {
		t.Errorf("started %d, want the old master's %d", sum.Started, b.Started)
	}
	both(t, "", reflect.ValueOf(sum), reflect.ValueOf(a), reflect.ValueOf(b))
}

// Every count of a column is added to the total of the same name, and nothing else.
func TestTotalsSeeColumn(t *testing.T) {
	var c board.Column
	var want Totals
	n, ended := uint64(0), uint64(0)
	for i, of := 0, reflect.ValueOf(&c).Elem(); i < of.NumField(); i++ {
		name := of.Type().Field(i).Name
		if name == "_" {
			continue
		}
		total := reflect.ValueOf(&want).Elem().FieldByName(name)
		switch count := of.Field(i).Addr().Interface().(type) {
		case *atomic.Uint64:
			n++
			count.Store(n)
			total.SetUint(n)
		case *atomic.Uint32: // no total
			count.Store(1000)
		case *[board.Outcomes]atomic.Uint64:
			for outcome := range count {
				n++
				count[outcome].Store(n)
				total.Index(outcome).SetUint(n)
				ended += n
			}
		}
	}
	var got Totals
	if counted := got.SeeColumn(&c); counted != ended {
		t.Errorf("%d sessions have ended, expected %d", counted, ended)
	}
	if got != want {
		t.Errorf("totals %+v, expected %+v", got, want)
	}
	got.SeeColumn(&c)
	if want.Add(&want); got != want {
		t.Errorf("twice: totals %+v, expected %+v", got, want)
	}
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
