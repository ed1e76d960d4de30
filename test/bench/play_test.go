//go:build linux

// Tests of scenes.

package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"daemon/plug/test/bench/proxy"
)

// Plays that are compared are in one scene, and each play is in only one.
func TestScenes(t *testing.T) {
	proxies := []*proxy.Proxy{proxy.Plug("plug", "pool", ""), proxy.PlugWorker("plug", "", starts), proxy.Bare("bare", starts), proxy.Direct()}
	proxies = append(proxies, proxy.Peers()...)
	for _, c := range []struct {
		list string
		only []*proxy.Proxy
		want []string // scenes, as "workload proxies" of their parts
	}{
		{"short:16,bulk:1,start:200", proxies[:4], []string{
			"short:16 none, short:16 plug pool, start:200 bare Go program, start:200 plug fork's worker", "bulk:1 none", "bulk:1 plug pool"}},
		{"short:1,short:16,short:256,start:200", proxies[:3], []string{
			"short:1 plug pool", "short:16 plug pool, start:200 bare Go program, start:200 plug fork's worker", "short:256 plug pool"}},
		{"start:200", proxies[:4], []string{"start:200 bare Go program, start:200 plug fork's worker"}},
		{"growth:10,request:1,growth:4000", append(slices.Clone(proxies[:1]), proxies[4]), []string{
			"growth:10 haproxy, growth:4000 haproxy", "growth:10 plug pool, growth:4000 plug pool", "request:1 haproxy, request:1 plug pool"}},
		// A proxy without a part in a workload leaves no empty scene.
		{"short:16,growth:10,upgrades:8,start:200", proxies[2:3], []string{"start:200 bare Go program"}},
		{"start:200,short:16,request:1", proxies[2:3], []string{"start:200 bare Go program"}},
	} {
		o := &options{proxies: c.only, limits: limits{descriptors: 1 << 20, tasks: 1 << 20}}
		var err error
		if o.workloads, err = parseWorkloads(c.list); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, plays := range scenes(o, rand.New(rand.NewPCG(1, 0))) {
			var parts []string
			for _, p := range plays {
				parts = append(parts, p.workload.String()+" "+p.proxy.Name)
			}
			slices.Sort(parts) // their order depends on the seed
			got = append(got, strings.Join(parts, ", "))
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %s\nwant %s", c.list, strings.Join(got, "\n     "), strings.Join(c.want, "\n     "))
		}
	}
}
