package routing

import (
	"fmt"
	"strings"
	"testing"

	"github.com/commbench/commbench/alltoall/topo"
)

// placed is the placement of a test, whose shape is known to be good.
func placed(t testing.TB, nodes, gpus, experts int) topo.Placement {
	t.Helper()
	c, err := topo.New(nodes, gpus)
	if err != nil {
		t.Fatal(err)
	}
	p, err := topo.Place(c, experts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// BenchmarkGenerate makes the routing of 64 ranks of 4096 tokens, top-8 of 256
// experts within 4 of 8 nodes, as DeepSeek-V3 trains.
func BenchmarkGenerate(b *testing.B) {
	for _, text := range []string{"uniform", "grouped", "zipf:1.2", "lognormal:1", "hot:1.5", "hot:1", "balanced"} {
		b.Run(text, func(b *testing.B) {
			src, err := Open(text)
			if err != nil {
				b.Fatal(err)
			}
			spec := Spec{Placement: placed(b, 8, 8, 256), Tokens: 4096, TopK: 8, Groups: 4, Seed: 1}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := src.Generate(spec); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(64*4096*b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

func BenchmarkMeasure(b *testing.B) {
	src, _ := Open("grouped")
	spec := Spec{Placement: placed(b, 8, 8, 256), Tokens: 4096, TopK: 8, Groups: 4, Seed: 1}
	tables, err := src.Generate(spec)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		Measure(spec.Placement, tables)
	}
	b.ReportMetric(float64(64*4096*b.N)/b.Elapsed().Seconds(), "tokens/s")
}

func BenchmarkReadTrace(b *testing.B) {
	spec := Spec{Placement: placed(b, 1, 1, 64), Tokens: 8192, TopK: 6, Seed: 1}
	table := mustGenerate(b, "uniform", spec)[0]
	var ids, weights, lines strings.Builder
	for i := range table.Tokens {
		row, w := table.Row(i)
		fmt.Fprintf(&lines, `{"experts":[%d,%d,%d,%d,%d,%d],"weights":[%.4f,%.4f,%.4f,%.4f,%.4f,%.4f]}`+"\n",
			row[0], row[1], row[2], row[3], row[4], row[5], w[0], w[1], w[2], w[3], w[4], w[5])
		for k, e := range row {
			fmt.Fprintf(&ids, "%d\t", e)
			fmt.Fprintf(&weights, "\t%.4f", w[k])
		}
	}
	for name, content := range map[string]string{"tabs": ids.String() + weights.String(), "json": lines.String()} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				in, err := newInput("f", strings.NewReader(content), fileBounds)
				if err == nil {
					_, err = readTrace(in, 0)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
