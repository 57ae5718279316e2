package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/unit"
)

func planCommand() *cli.Command {
	return &cli.Command{
		Name:  "plan",
		Usage: "say what each algorithm would move, and write traffic matrices",
		Description: "Makes the routing of a workload and the plans for it, and moves nothing. It prints what each\n" +
			"algorithm would put on each hop, summed over the ranks and for the busiest one.\n\n" +
			"With --traffic-matrix it prints the bytes for each pair of ranks instead: a line for each rank\n" +
			"that sends, a cell for each that receives, itself included. A cell is a number of rows; a row is\n" +
			"payload, scales and the metadata that travels with them, rounded up to a multiple of 16 bytes.\n" +
			"Rows are, in a dispatch and the other way round in a combine:\n" +
			"  direct    one for each token and distinct target rank\n" +
			"  alltoall  one for each choice\n" +
			"  two-hop   one for each token and target node, to the rail peer there, and one for each token\n" +
			"            and target rank, from the rail peer; both hops together\n" +
			"nccl-tests' alltoallv_perf reads the file by NCCL_TESTS_ALLTOALLV_MATRIX_FILE; see docs/peers.md.\n\n" +
			"Examples:\n" +
			"  commbench plan --nodes 4 --experts 256\n" +
			"  commbench plan --op combine --preset v3-train\n" +
			"  commbench plan --traffic-matrix --algorithm direct --routing zipf:0.8 -o matrix.txt\n\n" +
			"Presets:" + presetHelp(),
		Flags:        planFlags(),
		Action:       runPlan,
		OnUsageError: usage,
	}
}

// planFlags are those flags of dispatch that say what is to be moved, and plan's
// own.
func planFlags() []cli.Flag {
	shared := []string{"preset", "nodes", "gpus-per-node", "experts", "topk", "topk-groups", "tokens", "hidden", "dtype", "seed",
		"routing", "masked", "ragged", "empty-ranks", "channels", "chunk"}
	flags := slices.DeleteFunc(benchFlags(), func(f cli.Flag) bool { return !slices.Contains(shared, f.Names()[0]) })
	return append(flags,
		&cli.StringFlag{Name: "op", Category: runFlags, Value: "dispatch", Usage: "`OPERATION`: dispatch or combine"},
		&cli.StringFlag{Name: "algorithm", Category: runFlags, Usage: "`ALGORITHM`: two-hop, direct, alltoall, low-latency or pxn", DefaultText: "all of them; two-hop with --traffic-matrix"},
		&cli.BoolFlag{Name: "traffic-matrix", Category: outputFlags, Usage: "print the bytes for each pair of ranks, as nccl-tests read them"},
		&cli.StringFlag{Name: "output", Category: outputFlags, Aliases: []string{"o"}, Usage: "write to `FILE`, not to standard output; it is replaced"})
}

func runPlan(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	cfg, err := config(c, c.String("op"))
	if err != nil {
		return err
	}
	if cfg.Op != "dispatch" && cfg.Op != "combine" {
		return usageError{fmt.Errorf("--op %q: want dispatch or combine", cfg.Op)}
	}
	algorithms := plan.Algorithms
	switch {
	case cfg.Algorithm != "":
		algorithms = []plan.Algorithm{cfg.Algorithm}
	case c.Bool("traffic-matrix"):
		algorithms = []plan.Algorithm{plan.AlgTwoHop}
	}
	out, err := openOutput(c.String("output"), "table", c.App.Writer)
	if err != nil {
		return err
	}
	p, err := bench.Predict(c.Context, cfg, algorithms...)
	if err != nil {
		return errors.Join(plainly(err), out.discard())
	}
	return out.write(func(w io.Writer) error {
		b := bufio.NewWriter(w)
		if c.Bool("traffic-matrix") {
			writeMatrix(b, &p.Forecasts[0])
		} else {
			writePlan(b, p)
		}
		return b.Flush()
	})
}

// writeMatrix prints nothing but the cells: the file's readers know no comments.
func writeMatrix(b *bufio.Writer, f *bench.Forecast) {
	var cell []byte
	for _, row := range f.Rows {
		for to, n := range row {
			end := byte(' ')
			if to == len(row)-1 {
				end = '\n'
			}
			cell = append(strconv.AppendInt(cell[:0], n*f.MatrixRow(), 10), end)
			_, _ = b.Write(cell) // Flush says what failed
		}
	}
}

// carried is the type that travels in a dispatch or a combine.
func carried(op string, dispatched plan.DType) plan.DType {
	if op == "dispatch" {
		return dispatched
	}
	return plan.BF16
}

// writePlan prints what was planned for, and a line for each algorithm.
func writePlan(b *bufio.Writer, p *bench.Prediction) {
	c := &p.Config
	fmt.Fprintf(b, "commbench plan: %s   %v, nothing was moved\n", c.Op, p.Place.Cluster)
	fmt.Fprintf(b, "workload    %s tokens/rank, hidden %d, %v = %v/token, %d experts, top-%d, seed %d\n",
		unit.Count(int64(c.Tokens)), c.Hidden, carried(c.Op, c.DType), unit.Bytes(*p.Forecasts[0].Traffic.BytesPerToken), c.Experts, c.TopK, c.Seed)
	fmt.Fprintf(b, "routing     %s: %s nodes and %s ranks a token\n\n", c.Routing, unit.Number(p.Skew.NodesPerToken), unit.Number(p.Skew.RanksPerToken))

	const line = "%-11s%14s%11s%12s%14s%11s%12s%11s%10s\n"
	fmt.Fprintf(b, line, "", "scale-out", "scale-out", "scale-out", "scale-up", "scale-up", "scale-up", "", "matrix")
	fmt.Fprintf(b, line, "algorithm", "tokens", "bytes", "max rank", "tokens", "bytes", "max rank", "copied", "row")
	for _, f := range p.Forecasts {
		t := &f.Traffic
		bytes := func(tokens *int64) string { return unit.Bytes(*tokens * *t.BytesPerToken).String() }
		fmt.Fprintf(b, line, f.Algorithm,
			unit.Count(*t.ScaleOutWire), bytes(t.ScaleOutWire), unit.Count(*t.MaxRank.ScaleOutWire),
			unit.Count(*t.ScaleUpWire), bytes(t.ScaleUpWire), unit.Count(*t.MaxRank.ScaleUpWire),
			unit.Bytes(*t.CopiedBytes), unit.Count(f.MatrixRow())+" B")
	}
	fmt.Fprintln(b, "\nTokens are rows that leave their rank, over all ranks and for the busiest; bytes are payload and scales.\nA matrix row is a token with its scales and metadata, rounded up to 16 bytes, as --traffic-matrix has it.")
	for _, note := range p.Notes {
		fmt.Fprintf(b, "note        %s\n", note)
	}
}
