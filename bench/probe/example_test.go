package probe_test

import (
	"fmt"

	"github.com/commbench/commbench/bench/probe"
)

func Example() {
	m, err := probe.Fake("h100x2") // probe.Here() is this machine
	if err != nil {
		panic(err)
	}
	defer m.Close()
	p := m.Read().Finish()
	fmt.Println(p.Host.Sockets, "x", p.Host.CPU)
	for i, name := range p.Topology.Names {
		fmt.Println(name, p.Topology.Cells[i])
	}
	fmt.Println(p.Missing["gpus[0].faults.retired_pages"])
	// Output:
	// 2 x Intel(R) Xeon(R) Platinum 8480C
	// GPU0 [X NV18 PIX NODE]
	// GPU1 [NV18 X NODE PIX]
	// mlx5_0 [PIX NODE X NODE]
	// mlx5_3 [NODE PIX NODE X]
	// not supported: the GPU remaps rows instead
}
