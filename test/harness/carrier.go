// Harness: which worker carries which client's session.

package harness

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
)

// Carrier is the PID of the worker with a client's session. The pidfile does
// not show that: for a short time it still lists ended workers.
func (p *Plug) Carrier(client *net.TCPConn) int {
	p.T.Helper()
	return p.CarriersOf([]*net.TCPConn{client})[0]
}

// CarriersOf are the PIDs of the workers with the sessions of these clients:
// for each client, the process that has the other end of its connection.
func (p *Plug) CarriersOf(clients []*net.TCPConn) []int {
	p.T.Helper()
	var pids []int
	var missing int
	HoldsWithin(NormalWait, func() bool {
		pids, missing = p.findCarriers(clients)
		return missing == 0
	})
	if missing > 0 {
		p.T.Fatalf("no process carries %d of %d sessions", missing, len(clients))
	}
	return pids
}

func (p *Plug) findCarriers(clients []*net.TCPConn) (pids []int, missing int) {
	inodes := inodesAt(p.T, p.Port)
	carrier := map[string]int{} // socket → PID
	for _, w := range p.Workers() {
		for _, link := range Descriptors(w.PID) {
			carrier[link] = w.PID
		}
	}
	for _, c := range clients {
		pid := carrier["socket:["+inodes[c.LocalAddr().String()]+"]"]
		if pid == 0 {
			missing++
		}
		pids = append(pids, pid)
	}
	return pids, missing
}

// Lists waits until the pidfile names the master first, and then exactly the
// workers with the sessions of these clients; in pool mode, all workers. It
// returns the workers' PIDs in the order of the clients.
func (p *Plug) Lists(clients []*net.TCPConn) []int {
	p.T.Helper()
	var listed, carriers []int
	if !HoldsWithin(LongWait, func() bool {
		listed = p.PIDs()
		if p.Mode != "pool" && len(listed) != 1+len(clients) { // saves a look at every process
			return false
		}
		var missing int
		carriers, missing = p.findCarriers(clients)
		return missing == 0 && listed[0] == p.Master && p.ListsAll(listed[1:], carriers)
	}) {
		p.T.Fatalf("the pidfile lists %v; master %d, sessions in %v, workers %v", listed, p.Master, carriers, p.Workers())
	}
	return carriers
}

// ListsAll reports whether the listed workers are the right ones.
func (p *Plug) ListsAll(listed, carriers []int) bool {
	due := slices.Clone(carriers)
	if p.Mode == "pool" {
		for _, w := range p.Workers() {
			due = append(due, w.PID)
		}
	}
	slices.Sort(due)
	return slices.Equal(slices.Sorted(slices.Values(listed)), slices.Compact(due))
}

// inodesAt returns the socket of each IPv4 connection to a local port, by the
// address of its other end (proc_net_tcp.txt).
func inodesAt(t testing.TB, port int) map[string]string {
	t.Helper()
	b, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	inodes := map[string]string{}
	here := fmt.Sprintf(":%04X", port)
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 10 || !strings.HasSuffix(f[1], here) {
			continue
		}
		var ip, at uint32
		fmt.Sscanf(f[2], "%08X:%04X", &ip, &at)
		remote := fmt.Sprintf("%d.%d.%d.%d:%d", ip&255, ip>>8&255, ip>>16&255, ip>>24, at)
		inodes[remote] = f[9]
	}
	return inodes
}
