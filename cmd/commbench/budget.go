package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/model"
	"github.com/commbench/commbench/bench/unit"
)

// budgetFlags are those of sm that go with --hardware: what else there is, the closed form
// knows nothing of.
var budgetFlags = []string{"hardware", "kernels", "nodes", "gpus-per-node", "experts", "topk", "topk-groups", "op", "format", "output", "o", "quiet", "q"}

// budget is what --hardware prints.
type budget struct {
	h       *hardware.Hardware
	kernels *hardware.Profile
	load    model.Balanced
	model.Budget
}

// runBudget is sm --hardware.
func runBudget(c *cli.Context) error {
	for _, name := range c.FlagNames() {
		if !slices.Contains(budgetFlags, name) {
			return usageError{fmt.Errorf("--%s is not for --hardware, whose closed form takes %s", name, "--"+strings.Join(budgetFlags[2:6], ", --"))}
		}
	}
	if op := c.String("op"); op != "dispatch" {
		return usageError{fmt.Errorf("--op %q: the closed form of --hardware is of a dispatch", op)}
	}
	b := budget{load: model.Balanced{Nodes: c.Int("nodes"), GPUsPerNode: c.Int("gpus-per-node"), Experts: c.Int("experts"), TopK: c.Int("topk")}}
	if groups := c.Int("topk-groups"); c.IsSet("topk-groups") && groups != 0 && groups < b.load.Nodes {
		return usageError{fmt.Errorf("--topk-groups %d: the closed form of --hardware holds without groups only", groups)}
	}
	format, err := formatOf(c, "table", "json")
	if err != nil {
		return err
	}
	if b.h, err = hardware.Open(c.String("hardware")); err != nil {
		return usageError{err}
	}
	if b.kernels, err = hardware.Kernels(c.String("kernels")); err != nil {
		return usageError{err}
	}
	if b.Budget, err = b.load.SMs(b.h, b.kernels); err != nil {
		return usageError{err}
	}
	out, err := openOutput(c.String("output"), format, c.App.Writer)
	if err != nil {
		return err
	}
	return out.write(func(w io.Writer) error {
		if format == "json" {
			return writeJSON(w, b.document())
		}
		return b.print(w)
	})
}

func (b *budget) print(w io.Writer) error {
	var t bytes.Buffer
	l := &b.load
	fmt.Fprintf(&t, "commbench sm: dispatch by two-hop, predicted   %s x %s = %s of %s\n",
		unit.Counted(int64(l.Nodes), "node"), unit.Counted(int64(l.GPUsPerNode), "GPU"), unit.Counted(int64(l.Nodes*l.GPUsPerNode), "rank"), b.h.Title)
	fmt.Fprintf(&t, "workload    %s experts, top-%d, balanced and without groups: %s nodes and %s ranks a token\n",
		unit.Count(int64(l.Experts)), l.TopK, unit.Number(b.TokenNodes), unit.Number(b.TokenRanks))
	fmt.Fprintf(&t, "kernels     %s: %s\n\n", b.kernels.Name, b.kernels.Title)

	const line = "%-12s%20s%22s%20s\n"
	fmt.Fprintf(&t, line, "", "bytes for each", "GB/s", "GB/s delivered")
	fmt.Fprintf(&t, line, "", "delivered", "", "to a GPU")
	up, out := b.h.ScaleUp.Achievable.Value, b.h.ScaleOut.NICs.Value*b.h.ScaleOut.Line.Value
	for _, r := range []struct {
		name          string
		traffic, rate float64
		of            string
	}{
		{"scale-out", b.ScaleOut, out, "a GPU"},
		{"scale-up", b.ScaleUp, up, "a GPU"},
		{"read", b.Read, b.kernels.Read.Value, "an SM"},
		{"written", b.Write, b.kernels.Write.Value, "an SM"},
	} {
		delivered := "-"
		if r.traffic > 0 {
			delivered = unit.Number(r.rate / r.traffic)
		}
		if r.of == "an SM" {
			delivered += " an SM"
		}
		fmt.Fprintf(&t, line, r.name, unit.Number(r.traffic), numeral(r.rate)+" "+r.of, delivered)
	}
	fmt.Fprintf(&t, "\nbound: %s, %v delivered to a GPU\n", b.Bound, unit.GBps(b.GBps))
	fmt.Fprintf(&t, "SMs: %d of %d, which is %s with a margin of %s, at least %s, in multiples of %s\n", b.SMs, b.h.SMs(), unit.Number(b.Raw),
		number(b.kernels.Margin), number(b.kernels.Least), number(b.kernels.Step))
	t.WriteString("assumes: balanced routing without groups, nothing else on the GPU, latency hidden, NICs at line rate; see docs/model.md\n")
	_, err := w.Write(t.Bytes())
	return err
}

// document is the budget for machines. Rates are GB/s, traffic is bytes for each that is
// delivered.
func (b *budget) document() any {
	type cluster struct {
		Nodes int `json:"nodes"`
		GPUs  int `json:"gpus_per_node"`
		Ranks int `json:"ranks"`
	}
	type workload struct {
		Experts    int     `json:"experts"`
		TopK       int     `json:"topk"`
		Routing    string  `json:"routing"`
		TokenNodes float64 `json:"nodes_per_token"`
		TokenRanks float64 `json:"ranks_per_token"`
	}
	type traffic struct {
		ScaleOut float64 `json:"scale_out"`
		ScaleUp  float64 `json:"scale_up"`
		Read     float64 `json:"read"`
		Write    float64 `json:"written"`
	}
	l := &b.load
	return struct {
		Schema    string   `json:"schema"`
		Version   string   `json:"version"`
		Source    string   `json:"source"`
		Op        string   `json:"op"`
		Algorithm string   `json:"algorithm"`
		Hardware  string   `json:"hardware"`
		Kernels   string   `json:"kernels"`
		Cluster   cluster  `json:"cluster"`
		Workload  workload `json:"workload"`
		Traffic   traffic  `json:"traffic"`
		Bound     string   `json:"bound"`
		GBps      float64  `json:"delivered_gbps"`
		PerSM     float64  `json:"delivered_gbps_per_sm"`
		Raw       float64  `json:"sms_raw"`
		SMs       int      `json:"sms"`
		Of        int      `json:"sms_of_gpu"`
	}{"commbench.budget/v1", version, "model", "dispatch", "two-hop", b.h.Name, b.kernels.Name,
		cluster{l.Nodes, l.GPUsPerNode, l.Nodes * l.GPUsPerNode}, workload{l.Experts, l.TopK, "uniform", b.TokenNodes, b.TokenRanks},
		traffic{b.ScaleOut, b.ScaleUp, b.Read, b.Write}, string(b.Bound), b.GBps, b.PerSM, b.Raw, b.SMs, b.h.SMs()}
}
