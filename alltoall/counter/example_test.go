package counter_test

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/counter"
)

func Example() {
	const seed, rank, token, stream = 1, 3, 4095, 0
	s := counter.New(seed, rank, token, stream)
	ahead := s.At(2)
	s.Uint64()
	s.Uint64()
	fmt.Println(s.Uint64() == ahead)
	// Output: true
}

func ExampleShuffle() {
	s := counter.New(1, 0, 0, 0)
	ranks := []int{0, 1, 2, 3, 4, 5, 6, 7}
	counter.Shuffle(&s, ranks)
	fmt.Println(len(ranks), "ranks in an order that the seed rules")
	// Output: 8 ranks in an order that the seed rules
}
