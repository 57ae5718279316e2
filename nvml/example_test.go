package nvml_test

import (
	"errors"
	"fmt"

	"github.com/commbench/commbench/nvml"
)

func Example() {
	lib, err := nvml.Open()
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		// No driver, or a build without cgo: err says which.
	case err == nil:
		for _, gpu := range lib.Devices() {
			_ = gpu.Reading().PowerW // watts, or why there are none
		}
		lib.Close()
	}
}

func ExampleReasons() {
	r := nvml.PowerCap | nvml.Idle
	fmt.Println(r)
	// Output:
	// idle, power cap
}
