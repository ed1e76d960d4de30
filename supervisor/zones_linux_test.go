// A test of zones in filters: an interface's name and its number mean the same.

package supervisor

import "testing"

// Records name a zone's interface; a filter may give its number.
func TestZoneNameOfAFilter(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "10.0.0.0/8": "10.0.0.0/8", "fe80::1%1": "fe80::1%lo", "fe80::1%lo": "fe80::1%lo", "fe80::/10%1": "fe80::/10%lo",
		"fe80::%1/10": "fe80::%lo/10", "[fe80::1%1]:80": "[fe80::1%lo]:80", "fe80::1%999999": "fe80::1%999999", "fe80::1%": "fe80::1%",
	} {
		if got := withZoneName(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
