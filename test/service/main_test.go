// TestMain: it builds the plug that all tests of this package use.

package service

import (
	"testing"

	"daemon/plug/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }
