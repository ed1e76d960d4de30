package test
import "testing"
func fullPipe(t *testing.T) { t.Skip("later") }
func syslogGone(t *testing.T) { t.Skip("later") }
func syslogBlocked(t *testing.T) { t.Skip("later") }
func noPorts(t *testing.T) { t.Skip("later") }
