package limits_test

import (
	"fmt"
	"time"

	"github.com/commbench/commbench/bench/limits"
)

// The ceiling of a hop that copies FP8 tokens out of one arena into another.
func Example() {
	team := limits.Threads(2)
	defer team.Close()
	tokens, rows := make([]byte, 4<<20), make([]byte, 4<<20)
	probe, err := limits.Copy{
		Block: 7392, Stride: 7424,
		Sources: [][]byte{tokens}, Targets: [][]byte{rows},
		Stores: limits.Streaming,
	}.Probe(team)
	if err != nil {
		fmt.Println(err)
		return
	}
	gbps := probe.Measure(time.Millisecond) // between two iterations, say
	fmt.Println(gbps > 0)
	// Output: true
}
