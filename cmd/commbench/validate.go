package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/alltoall/model"
	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/simulate"
	"github.com/commbench/commbench/bench/unit"
)

func validateCommand() *cli.Command {
	return &cli.Command{
		Name:  "validate",
		Usage: "compare predictions with measurements that others have published",
		Description: "Predicts what DeepEP and NCCL EP have published of their GPUs, by the model and by the simulator,\n" +
			"and says how far off that is, and which figures parameters were fitted to. Those do not\n" +
			"count in the errors. See docs/model.md.\n\n" +
			"Examples:\n" +
			"  commbench validate\n" +
			"  commbench validate --format json",
		Flags:        []cli.Flag{formatFlag("table or json")},
		Action:       runValidate,
		OnUsageError: usage,
	}
}

// compared is a published figure beside its prediction.
type compared struct {
	System    string  `json:"system"`
	Source    string  `json:"source"`
	Hardware  string  `json:"hardware"`
	Kernels   string  `json:"kernels"`
	Op        string  `json:"op"`
	Algorithm string  `json:"algorithm"`
	Nodes     int     `json:"nodes"`
	Ranks     int     `json:"ranks"`
	Figure    string  `json:"figure"`
	Published float64 `json:"published"`
	Predicted float64 `json:"predicted"`
	Error     float64 `json:"error"` // predicted over published, less 1
	Bound     string  `json:"bound"`

	Simulated      float64 `json:"simulated"`
	SimulatedError float64 `json:"simulated_error"`

	Fitted *string `json:"fitted"` // null where nothing was
}

func runValidate(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	format, err := formatOf(c, "table", "json")
	if err != nil {
		return err
	}
	show := newProgress(c.App.ErrWriter, false)
	var all []compared
	for i, p := range model.Measurements() {
		show.update(bench.Progress{Stage: "simulating what was published", Done: i, All: len(model.Measurements())})
		got, bound, err := p.Predict()
		if err != nil {
			return err
		}
		simulated, err := simulate.Published(c.Context, &p)
		if err != nil {
			return plainly(err)
		}
		row := compared{p.System, p.Source, p.Hardware, p.Kernels, string(p.Op), string(p.Algorithm), p.Nodes, p.Nodes * p.GPUsPerNode,
			string(p.Figure), p.Value, got, got/p.Value - 1, string(bound), simulated, simulated/p.Value - 1, nil}
		if p.Fitted != "" {
			row.Fitted = &p.Fitted
		}
		all = append(all, row)
	}
	show.clear()
	if format == "json" {
		return writeJSON(c.App.Writer, all)
	}
	_, err = c.App.Writer.Write(validation(all))
	return err
}

// validation is the table for people: a part for each system, and its errors.
func validation(all []compared) []byte {
	var t bytes.Buffer
	t.WriteString("commbench validate: predictions beside what was published\n")
	const line = "%-6s%-10s%11s%11s%9s%11s%9s  %-17s%-11s%s\n"
	for len(all) > 0 {
		first := all[0]
		n := slices.IndexFunc(all, func(r compared) bool { return r.System != first.System })
		if n < 0 {
			n = len(all)
		}
		fmt.Fprintf(&t, "\n%s on %s, predicted by kernels %s; %s\n", first.System, first.Hardware, first.Kernels, first.Source)
		fmt.Fprintf(&t, line, "ranks", "op", "published", "model", "error", "simulator", "error", "unit", "bound by", "fitted to it")
		var errs, simulated []float64
		for _, r := range all[:n] {
			fitted := ""
			if r.Fitted != nil {
				fitted = *r.Fitted
			} else {
				errs, simulated = append(errs, math.Abs(r.Error)), append(simulated, math.Abs(r.SimulatedError))
			}
			t.WriteString(strings.TrimRight(fmt.Sprintf(line, unit.Count(int64(r.Ranks)), r.Op, numeral(r.Published), unit.Number(r.Predicted),
				fmt.Sprintf("%+.1f %%", 100*r.Error), unit.Number(r.Simulated), fmt.Sprintf("%+.1f %%", 100*r.SimulatedError), r.Figure, r.Bound, fitted), " \n") + "\n")
		}
		slices.Sort(errs)
		slices.Sort(simulated)
		fmt.Fprintf(&t, "of %d rows that nothing was fitted to: median error %.1f %%, worst %.1f %%; of the simulator %.1f %% and %.1f %%\n",
			len(errs), 100*median(errs), 100*errs[len(errs)-1], 100*median(simulated), 100*simulated[len(simulated)-1])
		all = all[n:]
	}
	return t.Bytes()
}

// median is that of sorted values.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
