package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/alltoall/model"
	"github.com/commbench/commbench/bench/unit"
)

func validateCommand() *cli.Command {
	return &cli.Command{
		Name:  "validate",
		Usage: "compare predictions with measurements that others have published",
		Description: "Predicts what DeepEP and NCCL EP have published of their GPUs, and says how far off that is, and\n" +
			"which figures parameters were fitted to. Those do not count in the errors. See docs/model.md.\n\n" +
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
	Fitted    *string `json:"fitted"` // null where nothing was
}

func runValidate(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	format, err := formatOf(c, "table", "json")
	if err != nil {
		return err
	}
	var all []compared
	for _, p := range model.Measurements() {
		got, bound, err := p.Predict()
		if err != nil {
			return err
		}
		row := compared{p.System, p.Source, p.Hardware, p.Kernels, string(p.Op), string(p.Algorithm), p.Nodes, p.Nodes * p.GPUsPerNode,
			string(p.Figure), p.Value, got, got/p.Value - 1, string(bound), nil}
		if p.Fitted != "" {
			row.Fitted = &p.Fitted
		}
		all = append(all, row)
	}
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
	const line = "%-6s%-10s%11s%11s%9s  %-17s%-11s%s\n"
	for len(all) > 0 {
		first := all[0]
		n := slices.IndexFunc(all, func(r compared) bool { return r.System != first.System })
		if n < 0 {
			n = len(all)
		}
		fmt.Fprintf(&t, "\n%s on %s, predicted by kernels %s; %s\n", first.System, first.Hardware, first.Kernels, first.Source)
		fmt.Fprintf(&t, line, "ranks", "op", "published", "predicted", "error", "unit", "bound by", "fitted to it")
		var errs []float64
		for _, r := range all[:n] {
			fitted := ""
			if r.Fitted != nil {
				fitted = *r.Fitted
			} else {
				errs = append(errs, math.Abs(r.Error))
			}
			t.WriteString(strings.TrimRight(fmt.Sprintf(line, unit.Count(int64(r.Ranks)), r.Op, numeral(r.Published), unit.Number(r.Predicted),
				fmt.Sprintf("%+.1f %%", 100*r.Error), r.Figure, r.Bound, fitted), " \n") + "\n")
		}
		slices.Sort(errs)
		fmt.Fprintf(&t, "of %d rows that nothing was fitted to: median error %.1f %%, worst %.1f %%\n", len(errs), 100*median(errs), 100*errs[len(errs)-1])
		all = all[n:]
	}
	return t.Bytes()
}

// median is that of sorted values.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
