// TestMain of the tests of the harness.

package harness

import "testing"

func TestMain(m *testing.M) { Main(m) }
