package routing_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/topo"
)

func Example() {
	cluster, _ := topo.New(4, 8)
	placement, _ := topo.Place(cluster, 256)
	src, err := routing.Open("hot:1.5")
	if err != nil {
		fmt.Println(err)
		return
	}
	tables, err := src.Generate(routing.Spec{Placement: placement, Tokens: 512, TopK: 8, Groups: 2, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := routing.Measure(placement, tables)
	fmt.Printf("%d ranks, %d tokens, %.0f nodes for a token\n", len(tables), s.Tokens, s.NodesPerToken)
	fmt.Printf("the hottest rank receives %.2f times the mean\n", s.HotRank.OverMean)
	// Output:
	// 32 ranks, 16384 tokens, 2 nodes for a token
	// the hottest rank receives 1.50 times the mean
}

func ExampleExpected() {
	for _, nodes := range []int{2, 4, 8} {
		fmt.Printf("%d nodes: a token reaches %.3f\n", nodes, routing.Expected(256, 8, nodes))
	}
	// Output:
	// 2 nodes: a token reaches 1.993
	// 4 nodes: a token reaches 3.614
	// 8 nodes: a token reaches 5.295
}

func ExampleFileError() {
	folder, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "choices.jsonl")
	_ = os.WriteFile(path, []byte(`{"experts": [3, 17]}`+"\n"+`{"experts": [5, 5]}`+"\n"), 0o600)

	_, err := routing.Open("trace:" + path)
	var fault *routing.FileError
	if errors.As(err, &fault) {
		fmt.Printf("line %d, column %d: %s; want %s\n", fault.Line, fault.Column, fault.Problem, fault.Want)
	}
	// Output: line 2, column 17: expert 5 is in the token already; want distinct experts
}

func ExampleSource_Generate_notPossible() {
	cluster, _ := topo.New(1, 8)
	placement, _ := topo.Place(cluster, 64)
	src, _ := routing.Open("hot:4")
	_, err := src.Generate(routing.Spec{Placement: placement, Tokens: 1000, TopK: 6, Seed: 1})
	fmt.Println(err)
	// Output: routing: hot:4: every token would reach the hot rank at 1.770 times the mean: hot:1.77 or less, or a smaller top-k, would do
}
