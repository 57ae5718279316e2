package judge_test

import (
	"fmt"

	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
)

func Example() {
	m, err := probe.Fake("h100x8,link-down:3,pcie-width:5")
	if err != nil {
		panic(err)
	}
	defer m.Close()
	for _, v := range judge.Machine(m.Read()) {
		if v.State == record.Bad {
			fmt.Println(v)
		}
	}
	// Output:
	// links bad: GPU 3: NVLink 0, 1 down; GPU 5 has 8 of 16 PCIe lanes
}
