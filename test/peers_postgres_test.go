// A test with PostgreSQL: its refusal reaches the client.

package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"daemon/plug/test/harness"
)

// A server without room for a client sends a last message and closes: each
// client gets the text.
func TestPostgresRefuses(t *testing.T) {
	t.Parallel()
	harness.Program(t, "psql")
	port := harness.FreePort(t)
	startPostgres(t, port, 1)
	harness.ForEachMode(t, func(t *testing.T, mode string) {
		p := harness.Start(t, mode, fmt.Sprintf("127.0.0.1:%d", port))
		leave, tries := onlyClient(t, p)
		const refused = 10
		for range refused {
			out, err := psql(p, "-c", "select 1").CombinedOutput()
			if err == nil || !strings.Contains(string(out), "sorry, too many clients already") {
				t.Fatalf("a client that should be refused: %v, %s", err, out)
			}
		}
		leave()
		p.Lines(refused + tries)
	})
}

// onlyClient takes the only place, and returns the number of attempts: a
// server that has just started, or a client that has just left, may still be
// in the way.
func onlyClient(t *testing.T, p *harness.Plug) (leave func(), tries int) {
	t.Helper()
	for began := time.Now(); time.Since(began) < harness.TalkBound; {
		tries++
		answer := filepath.Join(p.Dir, fmt.Sprint("answer", tries))
		client := psql(p, "-At", "-o", answer, "-f", "-")
		input, err := client.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- client.Wait() }()
		t.Cleanup(func() { client.Process.Kill() })
		fmt.Fprintln(input, "select 6 * 7;")
		harness.HoldsWithin(harness.TalkBound, func() bool { return harness.ReadString(answer) == "42\n" || len(ended) > 0 })
		if harness.ReadString(answer) == "42\n" {
			return func() {
				input.Close()
				if err := <-ended; err != nil {
					t.Errorf("the only client: %v", err)
				}
			}, tries
		}
		input.Close()
	}
	t.Fatalf("no client has got an answer within %v, in %d tries", harness.TalkBound, tries)
	return nil, 0
}

// psql is a client that connects through a plug.
func psql(p *harness.Plug, args ...string) *exec.Cmd {
	return exec.Command("psql", append(args, "-h", "127.0.0.1", "-p", fmt.Sprint(p.Port), "-U", "plug", "postgres")...)
}

// startPostgres runs a server that accepts this many clients, with its own
// data directory; as user nobody if the test is root, as which it refuses to
// run.
func startPostgres(t *testing.T, port, clients int) {
	t.Helper()
	dir := harness.OpenDir(t)
	var as []string
	if os.Getuid() == 0 {
		as = []string{harness.Program(t, "setpriv"), "--reuid", fmt.Sprint(nobody), "--regid", fmt.Sprint(nobody), "--clear-groups", "--"}
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	initdb := slices.Concat(as, []string{postgresProgram(t, "initdb"), "-D", data, "-U", "plug", "-A", "trust", "-N", "--locale=C"})
	run(t, initdb[0], initdb[1:]...)
	server := slices.Concat(as, []string{postgresProgram(t, "postgres"), "-D", data, "-p", fmt.Sprint(port)})
	for _, option := range []string{
		"listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off",
		fmt.Sprint("max_connections=", clients), "superuser_reserved_connections=0", "max_wal_senders=0",
	} {
		server = append(server, "-c", option)
	}
	harness.Daemonize(t, port, server[0], server[1:]...)
}

// postgresProgram is a program that Debian installs outside PATH, by version.
func postgresProgram(t testing.TB, name string) string {
	t.Helper()
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(found) > 0 {
		return harness.Last(found, 1)[0]
	}
	return harness.Program(t, name)
}
