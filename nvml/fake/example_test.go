package fake_test

import (
	"fmt"
	"time"

	"github.com/commbench/commbench/nvml/fake"
)

func Example() {
	m, err := fake.New("h100x8,link-down:3")
	if err != nil {
		panic(err)
	}
	defer m.Close()
	m.Clock = func() time.Time { return time.Unix(0, 0) }
	for i, d := range m.Devices()[2:4] {
		gpu := d.Inventory()
		fmt.Println(i+2, gpu.Name, gpu.PCI, gpu.Peers[0].NVLinks, "NVLinks to GPU 0")
	}
	nic := m.Board().NICs[3]
	fmt.Println(nic.Name, nic.PCI, nic.GbitPerS, "Gb/s", nic.LinkLayer)
	// Output:
	// 2 NVIDIA H100 80GB HBM3 0000:52:00.0 18 NVLinks to GPU 0
	// 3 NVIDIA H100 80GB HBM3 0000:61:00.0 16 NVLinks to GPU 0
	// mlx5_5 0000:5e:00.0 400 Gb/s infiniband
}
