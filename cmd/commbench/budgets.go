package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/bench/unit"
)

// swept are the flags that --sweep may name: all that change a prediction.
var swept = []string{"nodes", "gpus-per-node", "experts", "topk", "topk-groups", "tokens", "hidden", "dtype", "routing", "algorithm", "op", "hardware", "kernels"}

// mostSwept bounds the values of a sweep: nobody reads more, and each may have tokens drawn.
const mostSwept = 100

// reportBudgets predicts for each value of a flag, and shows the knees in one table.
func reportBudgets(c *cli.Context) (as map[string]func(io.Writer) error, err error) {
	if c.IsSet("what-if") {
		return nil, usageError{errors.New("--what-if is about one workload, and --sweep has several")}
	}
	flag, values, err := sweepOf(c, swept)
	if err != nil {
		return nil, err
	}
	var all []*budget
	documents := []any{}
	for i := range values {
		if err := c.Set(flag, values[i]); err != nil {
			return nil, usageError{fmt.Errorf("--sweep: --%s %q: %w", flag, values[i], err)}
		}
		b, err := newBudget(c)
		if err != nil {
			return nil, fmt.Errorf("--sweep: --%s %s: %w", flag, values[i], err)
		}
		all, documents = append(all, b), append(documents, b.document())
	}
	return map[string]func(io.Writer) error{
		"table": func(w io.Writer) error { return printBudgets(w, flag, values, all) },
		"json":  func(w io.Writer) error { return writeJSON(w, documents) },
	}, nil
}

// sweepOf reads --sweep: a flag of those that may be swept, and its values.
func sweepOf(c *cli.Context, flags []string) (flag string, values []string, err error) {
	flag, list, _ := strings.Cut(c.String("sweep"), "=")
	values = strings.Split(list, ",")
	switch {
	case !slices.Contains(flags, flag) || list == "":
		return "", nil, usageError{fmt.Errorf("--sweep %q: want FLAG=VALUE,VALUE,..., a flag of %s", c.String("sweep"), strings.Join(flags, ", "))}
	case len(values) > mostSwept:
		return "", nil, usageError{fmt.Errorf("--sweep: %d values: want at most %d", len(values), mostSwept)}
	}
	for i, v := range values {
		values[i] = strings.TrimSpace(v)
	}
	return flag, values, nil
}

func printBudgets(w io.Writer, flag string, values []string, all []*budget) error {
	var t bytes.Buffer
	first := all[0]
	fmt.Fprintf(&t, "commbench sm: predicted at the knee, against %s", flag)
	before := "   "
	for _, fact := range [][2]string{{"op", string(first.load.Op)}, {"algorithm", string(first.load.Algorithm)}, {"hardware", first.h.Name}, {"kernels", first.kernels.Name}} {
		if fact[0] != flag {
			fmt.Fprintf(&t, "%s%s %s", before, fact[0], fact[1])
			before = ", "
		}
	}
	t.WriteString("\n\n")
	wide := len(flag)
	most := 0.0
	for i, b := range all {
		wide = max(wide, len(values[i]))
		most = max(most, b.Points[b.Knee].US)
	}
	line := fmt.Sprintf("%%-%ds%%8s%%9s%%9s%%7s%%12s%%11s%%11s  %%-11s%%s\n", wide)
	fmt.Fprintf(&t, line, "", "", "nodes", "ranks", "", "", "scale-out", "scale-up", "", "")
	fmt.Fprintf(&t, line, flag, "ranks", "a token", "a token", "SMs", "time, us", "GB/s", "GB/s", "bound by", "time")
	for i, b := range all {
		p, l := &b.Points[b.Knee], &b.load
		fmt.Fprintf(&t, line, values[i], unit.Count(int64(l.Nodes*l.GPUsPerNode)), unit.Number(b.TokenNodes), unit.Number(b.TokenRanks),
			unit.Count(int64(p.SMs)), numeral(p.US), unit.Opt(b.out(p), unit.Number), unit.Number(p.Up), b.Points[len(b.Points)-1].Bound, strings.Repeat("#", max(1, int(30*p.US/most))))
	}
	t.WriteString("\nSMs are the fewest whose time is within 2 % of the best; bound by is what bounds more of them. Assumptions: docs/model.md\n")
	_, err := w.Write(t.Bytes())
	return err
}
