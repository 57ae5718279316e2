package reports

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
)

// The units of the Go benchmark format, each at most once in a line. benchfmt
// turns ns/op into sec/op and knows that less is better.
const unitLines = `Unit ns/op better=lower
Unit scaleout-logical-B/s better=higher
Unit scaleout-wire-B/s better=higher
Unit scaleup-logical-B/s better=higher
Unit scaleup-wire-B/s better=higher
Unit algbw-B/s better=higher
Unit busbw-B/s better=higher
Unit wrong/op better=lower assume=exact
`

func writeGoBench(w io.Writer, recs []record.Record, _ *Options) error {
	if err := validate(recs); err != nil {
		return err
	}
	var b bytes.Buffer
	config := map[string]string{}
	for i := range recs {
		r := &recs[i]
		configure(&b, config, r)
		if i == 0 {
			b.WriteString(unitLines)
		}
		name := benchmark(r)
		for _, us := range samples(r) {
			fmt.Fprintf(&b, "%s 1 %s ns/op", name, exact(unit.Micros(us).Nanoseconds()))
			for _, m := range bandwidths(r.BandwidthAt(us)) {
				if m.gbps != nil {
					fmt.Fprintf(&b, " %s %s-B/s", exact(unit.GBps(*m.gbps).BytesPerSecond()), m.name)
				}
			}
			if r.Wrong != nil {
				fmt.Fprintf(&b, " %d wrong/op", *r.Wrong)
			}
			b.WriteByte('\n')
		}
	}
	return flush(w, &b)
}

// configure writes the configuration lines that changed since the last
// record; an empty value takes a key back.
func configure(w io.Writer, last map[string]string, r *record.Record) {
	for _, c := range []struct{ key, value string }{
		{"commbench-schema", r.Schema},
		{"toolkit", "commbench " + r.Version},
		{"source", r.Source},
		{"goos", phrase(r.Host.OS, "%s")},
		{"goarch", phrase(r.Host.Arch, "%s")},
		{"cpu", phrase(r.Host.CPU, "%s")},
		{"cores", phrase(r.Host.Cores, "%d")},
	} {
		if c.value != last[c.key] {
			fmt.Fprintln(w, strings.TrimSpace(c.key+": "+clean(c.value)))
			last[c.key] = c.value
		}
	}
}

func samples(r *record.Record) []float64 {
	if len(r.SamplesUS) == 0 && r.TimeUS.P50 != nil {
		return []float64{*r.TimeUS.P50}
	}
	return r.SamplesUS
}

type bandwidth struct {
	name string
	gbps *float64
}

func bandwidths(b record.Bandwidth) []bandwidth {
	return []bandwidth{
		{"scaleout-logical", b.ScaleOutLogical},
		{"scaleout-wire", b.ScaleOutWire},
		{"scaleup-logical", b.ScaleUpLogical},
		{"scaleup-wire", b.ScaleUpWire},
		{"algbw", b.AlgBW},
		{"busbw", b.BusBW},
	}
}

// processors is what benchfmt would take for GOMAXPROCS.
var processors = regexp.MustCompile(`-([0-9]+)$`)

// benchmark is the name: the operation, and as key=value all that was chosen.
func benchmark(r *record.Record) string {
	var processes *int
	if p := r.Exec.Processes; p != nil && *p > 1 {
		processes = p
	}
	name := "Benchmark" + strings.ToUpper(r.Op[:1]) + r.Op[1:]
	for _, p := range []struct{ key, value string }{
		{"algorithm", r.Algorithm},
		{"scaleup", phrase(r.Transport.ScaleUp, "%s")},
		{"scaleout", phrase(r.Transport.ScaleOut, "%s")},
		{"nodes", fmt.Sprint(r.Cluster.Nodes)},
		{"gpus", fmt.Sprint(r.Cluster.GPUsPerNode)},
		{"tokens", fmt.Sprint(r.Workload.Tokens)},
		{"hidden", fmt.Sprint(r.Workload.Hidden)},
		{"experts", fmt.Sprint(r.Workload.Experts)},
		{"topk", fmt.Sprint(r.Workload.TopK)},
		{"groups", phrase(r.Workload.TopKGroups, "%d")},
		{"routing", r.Workload.Routing},
		{"seed", phrase(r.Workload.Seed, "%d")},
		{"masked", phrase(on(r.Workload.Masked), "%v")},
		{"ragged", flag(r.Workload.Ragged, "true")},
		{"emptyranks", phrase(on(r.Workload.EmptyRanks), "%d")},
		{"bias", phrase(on(r.Workload.Bias), "%d")},
		{"channels", phrase(r.Exec.Channels, "%d")},
		{"chunk", phrase(r.Exec.Chunk, "%d")},
		{"processes", phrase(processes, "%d")},
		{"interface", phrase(network(r).Interface, "%s")},
		{"streams", phrase(network(r).Streams, "%d")},
		{"congestion", phrase(sending(r), "%s")},
		{"workers", phrase(r.Exec.Workers, "%d")},
		{"cached", flag(r.Exec.CachedHandle, "true")},
		{"expand", phrase(r.Exec.ExpandAlignment, "%d")},
		{"dtype", r.Workload.Dtype},
	} {
		if p.value != "" {
			name += "/" + p.key + "=" + escape(p.value)
		}
	}
	return processors.ReplaceAllString(name, "%2D$1")
}

// escape percent-encodes what would end a name or a part of it.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == '/' || r == '%' || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			for _, c := range []byte(string(r)) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
