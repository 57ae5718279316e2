package hardware_test

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/hardware"
)

func Example() {
	h, err := hardware.Open("h800")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %d SMs, %v GB/s over scale-up, %v GB/s over scale-out\n", h.Title, h.SMs(), h.ScaleUp.Achievable.Value, h.OutGBps())
	fmt.Println(h.ScaleUp.Achievable.Source)
	// Output:
	// NVIDIA H800 SXM, ConnectX-7 400 Gb/s: 132 SMs, 160 GB/s over scale-up, 50 GB/s over scale-out
	// DeepSeek-V3 technical report, 3.2.2; DeepEP's README states the same
}
