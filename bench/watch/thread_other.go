//go:build !linux

package watch

import (
	"time"

	"github.com/commbench/commbench/nvml/answer"
)

func threadTime() answer.Of[time.Duration] {
	return answer.None[time.Duration]("this system does not count a thread's time")
}
