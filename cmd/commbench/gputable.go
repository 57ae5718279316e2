package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/commbench/commbench/bench/gpu"
	"github.com/commbench/commbench/bench/unit"
)

func (r *gpuReport) write(w io.Writer, format string) error {
	if format == "json" {
		return writeJSON(w, r)
	}
	_, err := w.Write(r.table())
	return err
}

func (r *gpuReport) table() []byte {
	var t bytes.Buffer
	state := ""
	if r.Interrupted {
		state = ", interrupted"
	}
	fmt.Fprintf(&t, "commbench gpu measure: driver for CUDA %s, medians of %s%s\n", r.CUDA, unit.Counted(int64(r.Repeats), "repeat"), state)
	for _, g := range r.GPUs {
		if len(g.Curve) > 0 { // else an interrupt came before
			writeGPU(&t, g)
		}
	}
	writePeers(&t, r.Result)
	t.WriteString("\n")
	for _, text := range r.Wrong {
		fmt.Fprintf(&t, "WRONG: %s\n", text)
	}
	for _, text := range r.Warnings {
		fmt.Fprintf(&t, "warning: %s\n", text)
	}
	r.writeMeanwhile(&t)
	if len(r.Wrong) == 0 {
		t.WriteString("The bytes of every result are right. ")
	}
	t.WriteString("GB/s are 1e9 bytes a second; of copy they count what SMs read and write together. See docs/gpu.md.\n")
	return t.Bytes()
}

func gbps(r *gpu.Rate) *float64 {
	if r == nil {
		return nil
	}
	return &r.GBps
}

// writeGPU prints the curve, and what does not depend on SMs.
func writeGPU(t *bytes.Buffer, g *gpu.GPU) {
	fmt.Fprintf(t, "\nGPU %d   %s, %s, compute capability %s, %d SMs, %v, L2 cache %v\n", g.Number, g.Name, g.PCI, g.Capability, g.SMs, unit.Bytes(g.MemoryBytes), unit.Bytes(g.L2Bytes))
	columns := [][]string{{"", "SMs"}, {"read", "GB/s"}, {"write", "GB/s"}, {"copy", "GB/s"}, {"reduce", "GB/s"}, {"of an SM", "GB/s"}}
	var figures [5][]*float64
	for _, p := range g.Curve {
		columns[0] = append(columns[0], unit.Count(int64(p.SMs)))
		row := [5]*float64{gbps(p.Read), gbps(p.Write), gbps(p.Copy), gbps(p.Reduce)}
		if p.Reduce != nil {
			row[4] = new(p.Reduce.GBps / float64(p.SMs))
		}
		for i, v := range row {
			figures[i] = append(figures[i], v)
		}
	}
	for i, f := range figures {
		columns[i+1] = append(columns[i+1], unit.Column(f)...)
	}
	best, at := g.BestCopy()
	for row := range columns[0] {
		var line strings.Builder
		fmt.Fprintf(&line, "%6s", columns[0][row])
		for _, c := range columns[1:] {
			fmt.Fprintf(&line, "%10s", c[row])
		}
		switch p := row - 2; {
		case row == 1:
			line.WriteString("  copy")
		case p >= 0 && g.Curve[p].Copy != nil:
			line.WriteString("  " + strings.Repeat("#", max(1, int(40*g.Curve[p].Copy.GBps/best))))
			if g.KneeSMs != nil && *g.KneeSMs == g.Curve[p].SMs {
				line.WriteString(" <- knee")
			}
		}
		t.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	fmt.Fprintf(t, "%v a kernel; reduce adds up eight rows of %s BF16 and counts what it reads", unit.Bytes(g.Bytes), unit.Count(gpu.Hidden))
	if g.KneeSMs != nil {
		fmt.Fprintf(t, "\nknee: %s, the fewest whose copy rate is within %.0f %% of the best (%s: %v)", unit.Counted(int64(*g.KneeSMs), "SM"), 100*gpu.KneeWithin, unit.Counted(int64(at), "SM"), unit.GBps(best))
	}
	t.WriteString("\n")
	writeOthers(t, g)
}

func writeOthers(t *bytes.Buffer, g *gpu.GPU) {
	const line = "%-44s%10s%10s%10s\n"
	if g.ToDevice != nil {
		fmt.Fprintf(t, "\n"+line, "", "median", "min", "max")
	}
	for _, f := range []struct {
		name string
		*gpu.Rate
	}{{"host to device, GB/s", g.ToDevice}, {"device to host, GB/s", g.ToHost}} {
		if f.Rate != nil {
			fmt.Fprintf(t, line, f.name, unit.Number(f.GBps), unit.Number(f.Min), unit.Number(f.Max))
		}
	}
	for _, f := range []struct {
		name string
		*gpu.Time
	}{{"empty kernels, one after the other, us each", g.Launch}, {"an empty kernel, waited for, us", g.LaunchWait}, {"between two events, us", g.Events}, {"an event, waited for, us", g.EventWait}} {
		if f.Time != nil {
			fmt.Fprintf(t, line, f.name, unit.Number(f.US), unit.Number(f.Min), unit.Number(f.Max))
		}
	}
}

// writePeers prints a matrix of what goes from one GPU to another.
func writePeers(t *bytes.Buffer, r *gpu.Result) {
	if len(r.Peers) == 0 {
		return
	}
	t.WriteString("\nGPU to GPU, GB/s, one copy at a time\n  from")
	for _, g := range r.GPUs {
		fmt.Fprintf(t, "%10s", fmt.Sprintf("to %d", g.Number))
	}
	t.WriteString("\n")
	for _, from := range r.GPUs {
		fmt.Fprintf(t, "%6d", from.Number)
		for _, to := range r.GPUs {
			cell := unit.Unknown
			if i := slices.IndexFunc(r.Peers, func(p gpu.Peer) bool { return p.From == from.Number && p.To == to.Number }); i >= 0 {
				cell = unit.Number(r.Peers[i].GBps)
				if !r.Peers[i].Direct {
					cell += "*"
				}
			}
			fmt.Fprintf(t, "%10s", cell)
		}
		t.WriteString("\n")
	}
	if slices.ContainsFunc(r.Peers, func(p gpu.Peer) bool { return !p.Direct }) {
		t.WriteString("* by way of the host: the GPUs do not reach each other's memory\n")
	}
}
