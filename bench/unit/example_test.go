package unit_test

import (
	"fmt"

	"github.com/commbench/commbench/bench/unit"
)

func Example() {
	fmt.Println(unit.Bytes(7392), unit.Bytes(7392*1024*32))
	fmt.Println(unit.Rate(7392*1024, 1530))
	fmt.Println(unit.Micros(1530.2), unit.Ratio(1.524))
	var notMeasured *float64
	fmt.Println(unit.Opt(notMeasured, unit.Number))
	// Output:
	// 7,392 B 242 MB
	// 4.95 GB/s
	// 1,530 us 1.52x
	// -
}
