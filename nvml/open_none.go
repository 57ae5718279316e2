//go:build !cgo || !linux

package nvml

import (
	"runtime"

	"github.com/commbench/commbench/nvml/answer"
)

// Open is an error that is errors.ErrUnsupported: this build cannot call NVML.
func Open() (Library, error) {
	why := "this build has no cgo: build with CGO_ENABLED=1 and a C compiler"
	if runtime.GOOS != "linux" {
		why = "commbench calls NVML only on Linux, not on " + runtime.GOOS
	}
	return nil, answer.None[Library](why).Err()
}
